"""Components are loaded whole, or stay as they were; the error names component and file."""

import copy
import json
import shutil
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import spacy
import srsly
from contract_samples import SAMPLES, TOK2VEC, component_of, make_pipeline, train
from stock_pipelines import copy_pipeline
from thinc.api import Model

from spacy_rnn.about import package_version
from spacy_rnn.bridge.shim import NetworkShim
from spacy_rnn.errors import ModelLoadError
from spacy_rnn.pipeline.storage import MANIFEST

NAMES = ["tagger", "CRF tagger", "ner", "classifier", "classifier of many", "translator"]
NAMES.append("language model")
TEXT = "Anna reads a book in Oslo ."


@pytest.fixture(scope="module")
def trained():
    """Pipelines of one component by name, trained a little, to be read, not changed."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = train(SAMPLES[name], 5)
        return made[name]

    return get


def state_of(component):
    """Give all that a component holds, as bytes."""
    return component.to_bytes()


def read(nlp, name):
    return SAMPLES[name].read(nlp(TEXT))


@pytest.fixture(scope="module")
def other():
    """Pipelines like the trained ones with other weights, which nothing must change."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = train(SAMPLES[name], 1)
        return made[name], component_of(made[name])

    return get


def write_manifest(folder):
    """Write checksums for files that were changed on purpose."""
    checksums = {name: crc32((folder / name).read_bytes()) for name in ("cfg", "model")}
    manifest = {"spacy_rnn_version": package_version(), "checksums": checksums}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def change_cfg(file):
    cfg = json.loads(file.read_text())
    cfg["labels"] = [*cfg.get("labels", []), "MORE"]
    file.write_text(json.dumps(cfg))


DAMAGE = {
    "flipped": ("model", flip),
    "cut": ("model", lambda file: file.write_bytes(file.read_bytes()[:-7])),
    "empty": ("model", lambda file: file.write_bytes(b"")),
    "gone": ("model", lambda file: file.unlink()),
    "changed": ("cfg", change_cfg),
    "no JSON": ("cfg", lambda file: file.write_text("{")),
    "without a manifest": (MANIFEST, lambda file: file.unlink()),
    "no manifest": (MANIFEST, lambda file: file.write_text("[]")),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_damaged_is_refused_and_all_stays_as_it_was(
    trained, other, name, damage, tmp_path
):
    nlp, component = other(name)
    before, prediction = state_of(component), read(nlp, name)
    trained(name).to_disk(tmp_path)
    folder = tmp_path / component.name
    part, do_damage = DAMAGE[damage]
    do_damage(folder / part)
    with pytest.raises(ModelLoadError) as caught:
        component.from_disk(folder, exclude=["vocab"])
    assert (caught.value.component, caught.value.file) == (component.name, str(folder / part))
    assert str(caught.value).startswith(f'"{component.name}" was not loaded from {folder / part}')
    assert state_of(component) == before
    assert read(nlp, name) == prediction
    with pytest.raises(ModelLoadError):
        spacy.load(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_the_last_network_is_damaged_and_the_first_stays_too(trained, other, name):
    """Straight into the model, where no manifest helps."""
    nlp = copy_pipeline(other(name)[0])
    component = component_of(nlp)
    before = state_of(component)
    message = srsly.msgpack_loads(component_of(trained(name)).model.to_bytes())
    *_, shims = (shims for shims in message["shims"] if shims)
    shims[-1] = shims[-1][:-7]
    for load in (
        lambda: component.model.from_bytes(srsly.msgpack_dumps(message)),
        lambda: component.model.from_dict(message),
        lambda: component.model.from_bytes(b"\x00"),
    ):
        with pytest.raises(ModelLoadError):
            load()
        assert state_of(component) == before
    assert component.model.from_bytes(component_of(trained(name)).model.to_bytes())
    assert read(nlp, name) == read(trained(name), name)


@pytest.mark.parametrize("name", NAMES)
def test_flipped_parameters_of_thinc_are_found_in_the_model_alone(trained, name):
    model = component_of(trained(name)).model
    message = srsly.msgpack_loads(model.to_bytes())
    changed_message = copy.deepcopy(message)
    arrays = [array for params in message["params"] for array in params.values()]
    for number, array in enumerate(arrays):
        if array is not None:
            changed = np.array(array)
            changed.flat[0] += 1
            changed_message["params"] = replace_array(message["params"], number, changed)
            with pytest.raises(ModelLoadError, match="by its checksum"):
                copy.deepcopy(model).from_dict(changed_message)


def replace_array(params, number, array):
    numbers = iter(range(999))
    return [
        {name: array if next(numbers) == number else each for name, each in layer.items()}
        for layer in params
    ]


@pytest.mark.parametrize("name", NAMES)
def test_vocabulary_of_spacy_that_cannot_be_loaded_stays(trained, other, name, tmp_path):
    nlp, component = other(name)
    before, strings = state_of(component), len(nlp.vocab.strings)
    component_of(trained(name)).to_disk(tmp_path / "stored")
    (tmp_path / "stored" / "vocab" / "vectors").write_bytes(b"\x00")
    with pytest.raises(ModelLoadError, match="vocab"):
        component.from_disk(tmp_path / "stored")
    assert state_of(component) == before
    assert len(nlp.vocab.strings) == strings


@pytest.mark.parametrize("part", ["cfg", "model", MANIFEST])
@pytest.mark.parametrize("name", NAMES)
def test_missing_parts_of_bytes_are_named(trained, name, part):
    component = copy.deepcopy(component_of(trained(name)))
    parts = srsly.msgpack_loads(component.to_bytes())
    parts.pop(part)
    with pytest.raises(ModelLoadError, match=f"{part}, in its bytes"):
        component.from_bytes(srsly.msgpack_dumps(parts))
    for data in (b"", b"\x00", srsly.msgpack_dumps([])):
        with pytest.raises(ModelLoadError, match=f'"{component.name}" was not loaded'):
            component.from_bytes(data)


# Parts that do not fit each other, whose checksums are right


def change_labels(change):
    def write(folder, nlp):
        cfg = json.loads((folder / "cfg").read_text())
        cfg["labels"] = change(cfg["labels"])
        (folder / "cfg").write_text(json.dumps(cfg))

    return write


WRONG_LABELS = {
    "more": (lambda labels: [*labels, "MORE"], "labels need"),
    "fewer": (lambda labels: labels[:-1], "labels need"),
    "twice": (lambda labels: [*labels[:-1], labels[0]], "not distinct"),
    "numbers": (lambda labels: [1] * len(labels), "not distinct"),
    "none": (lambda labels: None, "TypeError"),
}


@pytest.mark.parametrize("wrong", WRONG_LABELS)
@pytest.mark.parametrize("name", NAMES[:5])
def test_labels_are_held_against_weights_when_they_are_loaded(
    trained, other, name, wrong, tmp_path
):
    change, message = WRONG_LABELS[wrong]
    nlp, component = other(name)
    before = state_of(component)
    trained(name).to_disk(tmp_path)
    folder = tmp_path / component.name
    change_labels(change)(folder, nlp)
    write_manifest(folder)
    with pytest.raises(ModelLoadError, match=message):
        component.from_disk(folder, exclude=["vocab"])
    assert state_of(component) == before


def test_settings_of_another_type_are_refused(trained, tmp_path):
    trained("classifier").to_disk(tmp_path)
    file = tmp_path / "rnn_textcat" / "cfg"
    for changed, message in (({"threshold": "x"}, 'threshold is "x"'), ({}, None)):
        cfg = {"threshold": 0, "positive_label": "PLACE"} | changed
        file.write_text(json.dumps(json.loads(file.read_text()) | cfg))
        write_manifest(file.parent)
        if message is None:
            component = component_of(spacy.load(tmp_path))
            assert component.cfg["positive_label"] == "PLACE"
        else:
            with pytest.raises(ModelLoadError, match=message):
                spacy.load(tmp_path)


def save_with_attrs(component, folder, change):
    """Store a component whose model has changed attributes, and right checksums."""
    twin = copy.deepcopy(component)
    for node in twin.model.walk():
        change(node.attrs)
    twin.to_disk(folder, exclude=["vocab"])


def set_attr(name, value):
    def change(attrs):
        if name in attrs:
            attrs[name] = value(attrs[name]) if callable(value) else value

    return change


def subwords_of(size):
    nlp = make_pipeline(SAMPLES["translator"])
    component = component_of(nlp)
    component.vocab_size = size
    examples = SAMPLES["translator"].make_examples(nlp)
    nlp.initialize(lambda: examples)
    return component.model.attrs["subwords"]


def break_json(data):
    return data.replace(b'"kind": "words"', b'"kind": "worms"')


def drop_word(data):
    stored = json.loads(data)
    stored["vocabulary"] = json.dumps(json.loads(stored["vocabulary"])[1:])
    return json.dumps(stored).encode()


WRONG_VOCABULARIES = [
    ("translator", "subwords", lambda data: data[:-100], "no vocabulary of subwords|the vocab"),
    ("translator", "subwords", b"\xff" * 9, "no vocabulary of subwords"),
    ("translator", "subwords", b"", "no vocabulary of subwords"),
    ("translator", "subwords", lambda data: subwords_of(310), "_pieces = 320, .* has 310"),
    ("language model", "units", break_json, "no vocabulary of a language model"),
    ("language model", "units", lambda data: data[:-9], "no vocabulary of a language model"),
    ("language model", "units", b"\xff\xff", "no vocabulary of a language model"),
    ("language model", "units", b"[" * 99_999, "no vocabulary of a language model"),
    ("language model", "units", b'{"kind": "words", "vocabulary": "[1]"}', "not a list of texts"),
    ("language model", "units", drop_word, "has weights for .* pieces, but its vocabulary"),
    ("language model", "units", b"", "no vocabulary yet"),
]


@pytest.mark.parametrize(("name", "attr", "value", "message"), WRONG_VOCABULARIES)
def test_vocabularies_are_parsed_and_held_against_weights(
    trained, other, name, attr, value, message, tmp_path
):
    save_with_attrs(component_of(trained(name)), tmp_path / "stored", set_attr(attr, value))
    _, component = other(name)
    before = state_of(component)
    with pytest.raises(ModelLoadError, match=message):
        component.from_disk(tmp_path / "stored", exclude=["vocab"])
    assert state_of(component) == before


def test_banned_pieces_that_are_no_pieces_are_found_when_they_are_loaded(trained, tmp_path):
    trained("translator").to_disk(tmp_path)
    with pytest.raises(ModelLoadError, match='no piece "nowhere"'):
        spacy.load(tmp_path, config={"components.rnn_translator.banned_pieces": ["nowhere"]})


@pytest.mark.parametrize(
    ("name", "setting", "value", "message"),
    [
        ("tagger", "attr", "morph", 'trained with attr = "tag", but the config says "morph"'),
        ("language model", "direction", "backward", 'trained with direction = "forward"'),
        ("language model", "units", "characters", "predicts characters"),
        ("language model", "model.network.residual", True, "network.residual: stored False"),
        ("language model", "model.network.cell", "gru", "stored"),
        ("translator", "model.decoder.bridge", "zero", "stored"),
        ("tagger", "model.tok2vec.encode.width", 10, "stored|Attempt to change"),
    ],
)
def test_settings_that_weights_depend_on_are_compared(
    trained, name, setting, value, message, tmp_path
):
    trained(name).to_disk(tmp_path)
    factory = SAMPLES[name].factory
    with pytest.raises(ModelLoadError, match=message) as caught:
        spacy.load(tmp_path, config={f"components.{factory}.{setting}": value})
    assert caught.value.component == factory


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("model.network.depth", 10**9),
        ("model.network.depth", 101),
        ("model.network.width", 10**5),
        ("model.network.width", 2**62),
        ("model.network.width", 2**70),
        ("model.embed_width", 10**9),
    ],
)
def test_absurd_settings_are_refused_without_memory(
    trained, setting, value, tmp_path, monkeypatch
):
    trained("language model").to_disk(tmp_path)
    monkeypatch.setattr(NetworkShim, "build", None)
    with pytest.raises(ValueError, match=r"stored|at most 100|cannot be built"):
        spacy.load(tmp_path, config={f"components.rnn_lm.{setting}": value})


def test_model_of_other_layers_is_refused(trained):
    component = copy.deepcopy(component_of(trained("tagger")))
    before = state_of(component)
    with pytest.raises(ModelLoadError, match=r"ValueError: zip|is stored with"):
        component.model.from_bytes(component_of(trained("CRF tagger")).model.to_bytes())
    assert state_of(component) == before


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_stored_before_it_is_initialized(name, tmp_path):
    nlp = make_pipeline(SAMPLES[name])
    nlp.to_disk(tmp_path)
    assert component_of(spacy.load(tmp_path)).saved_by == package_version()


@pytest.mark.parametrize("name", NAMES)
def test_it_says_which_version_saved_it_and_a_later_one_what_to_do(trained, name, tmp_path):
    trained(name).to_disk(tmp_path)
    folder = tmp_path / SAMPLES[name].factory
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["spacy_rnn_version"] == package_version()
    (folder / MANIFEST).write_text(json.dumps(manifest | {"spacy_rnn_version": "9.1"}))
    assert component_of(spacy.load(tmp_path)).saved_by == "9.1"
    flip(folder / "model")
    with pytest.raises(ModelLoadError, match=r"saved by spacy-rnn 9\.1, and this is .*: install"):
        spacy.load(tmp_path)


def test_parts_can_be_left_out(trained, other, tmp_path):
    component = component_of(trained("tagger"))
    component.to_disk(tmp_path / "stored", exclude=["vocab", "model"])
    assert {path.name for path in (tmp_path / "stored").iterdir()} == {"cfg", MANIFEST}
    _, other = other("tagger")
    model = other.model.to_bytes()
    other.from_disk(tmp_path / "stored", exclude=["vocab", "model"])
    assert other.model.to_bytes() == model


def test_stock_models_in_our_components_are_loaded_whole_too(tmp_path):
    nlp = spacy.blank("en")
    stock = {"@architectures": "spacy.Tagger.v2", "tok2vec": TOK2VEC}
    nlp.add_pipe("rnn_tagger", config={"model": stock})
    nlp.add_pipe("rnn_ner", config={"model": {"tok2vec": TOK2VEC}})
    examples = SAMPLES["tagger"].make_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.to_disk(tmp_path)
    flip(tmp_path / "rnn_tagger" / "model")
    tagger = nlp.get_pipe("rnn_tagger")
    before = state_of(tagger)
    with pytest.raises(ModelLoadError, match="by its checksum"):
        tagger.from_disk(tmp_path / "rnn_tagger", exclude=["vocab"])
    write_manifest(tmp_path / "rnn_tagger")
    message = srsly.msgpack_loads((tmp_path / "rnn_tagger" / "model").read_bytes())
    message["shims"][-1] = [b""]
    (tmp_path / "rnn_tagger" / "model").write_bytes(srsly.msgpack_dumps(message))
    write_manifest(tmp_path / "rnn_tagger")
    with pytest.raises(ModelLoadError):
        tagger.from_disk(tmp_path / "rnn_tagger", exclude=["vocab"])
    assert state_of(tagger) == before
    shutil.copytree(tmp_path / "rnn_ner", tmp_path / "rnn_tagger", dirs_exist_ok=True)
    with pytest.raises(ModelLoadError, match='"rnn_tagger" was not loaded'):
        spacy.load(tmp_path)


def test_interrupted_loading_leaves_all_as_it_was(trained, other, monkeypatch):
    _, component = other("CRF tagger")
    before = state_of(component)
    stored = component_of(trained("CRF tagger")).to_bytes()

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(component, "check_loaded", interrupt, raising=False)
    with pytest.raises(KeyboardInterrupt):
        component.from_bytes(stored)
    assert state_of(component) == before


def test_thinc_itself_leaves_a_mixture(trained, other):
    """What the tests before are worth."""
    model = component_of(copy_pipeline(other("CRF tagger")[0])).model
    before = model.to_bytes()
    message = component_of(trained("CRF tagger")).model.to_dict()
    *_, shims = (shims for shims in message["shims"] if shims)
    shims[-1] = b""
    with pytest.raises(ModelLoadError):
        Model.from_dict(model, message)
    assert model.to_bytes() != before


MODEL = Path(__file__).parent.parent / "models" / package_version() / "pipeline"


@pytest.mark.parametrize(
    ("attr", "value", "message"),
    [
        ("known", lambda data: data[8:], "known words of an embedding"),
        ("known", lambda data: data[8:16] + data[:8] + data[16:], "not in order"),
        ("known", lambda data: data[:-1], "buffer size"),
        ("counts", lambda data: data + data, "counts"),
    ],
)
def test_words_and_tables_of_embeddings_are_held_against_each_other(
    attr, value, message, tmp_path
):
    component = spacy.load(MODEL, enable="rnn_tagger").get_pipe("rnn_tagger")
    before = state_of(component)
    save_with_attrs(component, tmp_path / "stored", set_attr(attr, value))
    with pytest.raises(ModelLoadError, match=message):
        component.from_disk(tmp_path / "stored", exclude=["vocab"])
    assert state_of(component) == before


def test_rows_of_a_config_are_held_against_tables():
    rows = "model.tok2vec.embed.rows"
    with pytest.raises(ModelLoadError, match="rows by its settings, but loaded weights"):
        spacy.load(MODEL, config={f"components.rnn_tagger.{rows}": [61, 20]})
    nlp = spacy.load(MODEL, config={f"components.tagger.{rows}": [20, 60]}, enable="tagger")
    assert nlp(TEXT)  # As many in all.
    nlp = spacy.load(MODEL, config={f"components.tagger.{rows}": [61, 20]}, enable="tagger")
    with pytest.raises(ValueError, match="rows by its settings, but loaded weights"):
        nlp(TEXT)


def test_vocabulary_of_an_encoder_is_held_against_its_weights(trained, tmp_path):
    trained("language model").to_disk(tmp_path / "lm")
    model = SAMPLES["language model"].config["model"]
    model = {"@architectures": "spacy-rnn.LanguageModel.v1", **model}
    network = {"@misc": "spacy-rnn.recurrent_network.v1", **model["network"]}
    encoder = {
        "@architectures": "spacy-rnn.LMEncoder.v1",
        "model": {**model, "network": network},
        "source": str(tmp_path / "lm"),
    }
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_tagger", config={"model": {"tok2vec": encoder}})
    examples = SAMPLES["tagger"].make_examples(nlp)
    nlp.initialize(lambda: examples)
    component = component_of(nlp)
    before = state_of(component)
    save_with_attrs(component, tmp_path / "stored", set_attr("units", drop_word))
    with pytest.raises(ModelLoadError, match=r"weights for .* pieces, but its vocabulary"):
        component.from_disk(tmp_path / "stored", exclude=["vocab"])
    assert state_of(component) == before
