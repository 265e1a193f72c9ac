"""The translator as a spaCy component."""

import copy
import gc
import json
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from inspect import signature
from statistics import mean

import numpy as np
import pytest
import spacy
import srsly
import torch
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example
from spacy.util import fix_random_seed, registry
from thinc.api import Adam, Model

from spacy_rnn.architectures.encoders import build_recurrent_encoder_v1
from spacy_rnn.generation.search import SamplingSearch
from spacy_rnn.generation.state import Hypothesis
from spacy_rnn.nn.rnn.settings import RecurrentSettings
from spacy_rnn.nn.seq2seq.stepper import DecoderStepper
from spacy_rnn.pipeline.translator.completeness import find_untranslated
from spacy_rnn.pipeline.translator.passages import TranslatedPassage, split_passages
from spacy_rnn.pipeline.translator.predictor import Predictor
from spacy_rnn.pipeline.translator.results import Describer
from spacy_rnn.text.subwords import Subwords

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four", "fünf": "five"}
SMALL = {
    "vocab_size": 285,
    "model": {
        "encoder": {"embed_width": 32, "network": {"width": 64}},
        "attention": {"width": 32},
        "decoder": {
            "embed_width": 32,
            "readout_width": 32,
            "label_smoothing": 0.0,
            "network": {"width": 64},
        },
    },
    "search": {"beam_width": 3},
}
TEXTS = ["eins zwei drei", "vier", "fünf fünf eins zwei", "drei vier"]


def make_texts():
    """Write numbers, and the same translated and backwards."""
    words = list(WORDS)
    rows = [[words[(3 * i + 2 * j) % 5] for j in range(1 + i % 4)] for i in range(20)]
    rows += [text.split() for text in (*TEXTS, "eins zwei", "vier fünf", "drei")]
    return [(" ".join(row), " ".join(WORDS[word] for word in reversed(row))) for row in rows]


def make_examples(nlp, attr="translation"):
    examples = []
    for source, target in make_texts():
        reference = nlp.make_doc(source)
        reference._.set(attr, target)
        examples.append(Example(nlp.make_doc(source), reference))
    return examples


def make_pipeline(config=SMALL, name="rnn_translator", nlp=None):
    nlp = nlp or spacy.blank("de")
    nlp.add_pipe("rnn_translator", name=name, config=config)
    return nlp


def train(nlp, steps=200, attr="translation"):
    fix_random_seed(0)
    examples = make_examples(nlp, attr)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    losses = [nlp.update(examples, sgd=optimizer)[nlp.pipe_names[-1]] for _ in range(steps)]
    return examples, losses


def translations(nlp, texts=TEXTS, attr="translation", **settings):
    return [doc._.get(attr) for doc in nlp.pipe(texts, **settings)]


@pytest.fixture(scope="module")
def trained():
    nlp = make_pipeline()
    examples, losses = train(nlp)
    return nlp, examples, losses


@pytest.fixture
def nlp(trained):
    return trained[0]


def test_it_learns_its_examples(trained):
    nlp, examples, losses = trained
    encode = nlp.get_pipe("rnn_translator").target_subwords.encode
    pieces = sum(len(text) + 1 for text in encode([target for _, target in make_texts()]))
    assert losses[-1] / pieces < 0.1 < losses[0] / pieces
    scores = nlp.evaluate(examples)
    assert scores["rnn_translator_bleu"] > 95
    assert 1 < scores["rnn_translator_token_perplexity"] < 1.2
    assert scores["rnn_translator_token_perplexity"] < scores["rnn_translator_word_perplexity"]
    assert "tok:13a" in scores["rnn_translator_bleu_signature"]


def test_defaults_make_a_translator():
    nlp = spacy.blank("en")
    translator = nlp.add_pipe("rnn_translator")
    assert translator.search.beam_width == 5
    assert nlp.config["components"]["rnn_translator"]["attr"] == "translation"


def test_one_dictionary_may_describe_both_networks():
    """Defaults that are merged into it reach both."""
    network = {"width": 16}
    sizes = {"embed_width": 16, "network": network}
    model = {"encoder": sizes, "decoder": {**sizes, "readout_width": 16}}
    translator = spacy.blank("en").add_pipe("rnn_translator", config={"model": model})
    parts = translator.model.shims[0]._model
    assert parts.encoder.network.directions == 2
    assert parts.decoder.network.directions == 1


@pytest.mark.parametrize("batch_size", [1, 2, 100])
@pytest.mark.parametrize("max_batch_tokens", [1, 10, 1000])
def test_batches_change_nothing(nlp, batch_size, max_batch_tokens):
    translator = nlp.get_pipe("rnn_translator")
    texts = [*TEXTS, "", "  ", *(source for source, _ in make_texts())]
    expected = translations(nlp, texts)
    before = translator.max_batch_tokens
    translator.max_batch_tokens = max_batch_tokens
    try:
        assert translations(nlp, texts, batch_size=batch_size) == expected
        assert [nlp(text)._.translation for text in texts] == expected
    finally:
        translator.max_batch_tokens = before


@pytest.mark.parametrize("way", ["bytes", "disk", "pickle"])
def test_it_survives_storage(nlp, way, tmp_path):
    if way == "bytes":
        copy = make_pipeline().from_bytes(nlp.to_bytes())
    elif way == "disk":
        nlp.to_disk(tmp_path)
        copy = spacy.load(tmp_path)
    else:
        copy = pickle.loads(pickle.dumps(nlp))
    assert translations(copy) == translations(nlp)


def test_it_works_in_a_new_process(nlp, tmp_path, run_python):
    nlp.to_disk(tmp_path / "model")
    code = (
        "import spacy, sys, json; nlp = spacy.load(sys.argv[1]); "
        "print(json.dumps([d._.translation for d in nlp.pipe(sys.argv[2:])]))"
    )
    output = run_python("-c", code, tmp_path / "model", *TEXTS)
    assert srsly.json_loads(output) == translations(nlp)


def test_two_processes_translate_the_same(nlp):
    texts = TEXTS * 4
    assert translations(nlp, texts, n_process=2, batch_size=4) == translations(nlp, texts)


def test_it_samples(trained):
    search = {"@misc": "spacy-rnn.sampling_search.v1", "n_best": 3, "seed": 1, "temperature": 0.5}
    nlp = make_pipeline({**SMALL, "search": search}).from_bytes(trained[0].to_bytes())
    found = [doc._.translations for doc in nlp.pipe(TEXTS)]
    assert translations(nlp, TEXTS[::-1]) == [each[0]["text"] for each in found][::-1]
    assert all(each[0]["score"] == max(row["score"] for row in each) for each in found)
    greedy = nlp.pipe(TEXTS, component_cfg={"rnn_translator": {"temperature": 0, "n_best": 1}})
    assert [doc._.translation for doc in greedy][:2] == ["three two one", "four"]


def test_a_call_may_have_another_search(nlp):
    samples = SamplingSearch(n_best=3, seed=1, temperature=0.5)
    nlp_of_samples = make_pipeline(SMALL)
    nlp_of_samples.get_pipe("rnn_translator").search = samples
    nlp_of_samples.from_bytes(nlp.to_bytes())
    expected = [doc._.translations for doc in nlp_of_samples.pipe(TEXTS)]
    settings = {"search": SamplingSearch(n_best=3, seed=1), "temperature": 0.5}
    before = translations(nlp)
    found = nlp.pipe(TEXTS, component_cfg={"rnn_translator": settings})
    assert [doc._.translations for doc in found] == expected
    assert translations(nlp) == before


def test_a_search_has_to_be_callable(nlp):
    with pytest.raises(ValueError, match="The search of rnn_translator is 3: choose one of"):
        nlp(TEXTS[0], component_cfg={"rnn_translator": {"search": 3}})


def test_n_best_differ_and_come_best_first(nlp):
    settings = {"rnn_translator": {"n_best": 4, "beam_width": 6}}
    (doc,) = nlp.pipe([TEXTS[0]], component_cfg=settings)
    found = doc._.translations
    assert found[0]["text"] == doc._.translation == "three two one"
    assert len({each["text"] for each in found}) == len(found) == 4
    assert sorted((each["score"] for each in found), reverse=True) == [
        each["score"] for each in found
    ]
    assert nlp(TEXTS[0], component_cfg=settings)._.translations == found
    assert len(nlp(TEXTS[0])._.translations) == 1


def test_scores_are_those_of_forced_decoding(nlp):
    translator = nlp.get_pipe("rnn_translator")
    doc = nlp(TEXTS[2])
    (best,) = doc._.translations
    pieces = translator.target_subwords.encode([best["text"]])
    assert translator.target_subwords.to_pieces(pieces[0]) == best["pieces"]
    docs = [nlp.make_doc(text) for text in (TEXTS[2], TEXTS[0])]
    log_probs, others = translator.log_probs(docs, [best["text"], ""])
    assert best["piece_scores"] == pytest.approx(log_probs, abs=1e-4)
    assert best["score"] == pytest.approx(mean(log_probs), abs=1e-4)
    assert len(others) == 1, "the end alone"
    assert translator.log_probs([], []) == []


@pytest.mark.parametrize("width", [1, 2])
def test_scores_are_of_one_unit_for_any_beam(nlp, width):
    (doc,) = nlp.pipe(TEXTS[:1], component_cfg={"rnn_translator": {"beam_width": width}})
    (best,) = doc._.translations
    assert best["score"] == pytest.approx(mean(best["piece_scores"]), abs=1e-5)


def test_memory_of_scoring_is_bounded(nlp, monkeypatch):
    """Batches by what they hold, and the same scores whatever they hold."""
    translator = nlp.get_pipe("rnn_translator")
    examples = make_examples(nlp)
    expected = translator.score(examples)
    sizes = []
    predict = Model.predict

    def spy(model, X):
        if model is translator.model:
            sizes.append(len(X[0]))
        return predict(model, X)

    monkeypatch.setattr(Model, "predict", spy)
    monkeypatch.setattr(translator, "max_batch_tokens", 5)
    assert translator.score(examples) == pytest.approx(expected)
    assert len(sizes) > len(examples) / 3


def test_alignments_name_characters_and_tokens(nlp):
    doc = nlp("  eins zwei drei ")
    (best,) = doc._.translations
    assert doc._.translation == "  three two one "
    assert best["text"] == doc._.translation
    covered = "".join(best["text"][each["start"] : each["end"]] for each in best["alignment"])
    assert covered == "three two one"
    for each in best["alignment"]:
        for position in each["source"]:
            token = doc[position["token"]]
            characters = doc.text[position["start"] : position["end"]]
            assert characters.strip() in token.text
            assert position["end"] <= token.idx + len(token)
        weights = [position["weight"] for position in each["source"]]
        assert weights == sorted(weights, reverse=True)
        assert 0.7 < sum(weights) <= 1 + 1e-5


def test_sources_are_tokenized_once(nlp, monkeypatch):
    translator = nlp.get_pipe("rnn_translator")
    texts = []
    encode = Subwords.encode

    def spy(self, batch, sampling=0.0):
        texts.extend(batch)
        return encode(self, batch, sampling)

    monkeypatch.setattr(Subwords, "encode", spy)
    docs = [nlp.make_doc(text) for text in TEXTS]
    translator.set_annotations(docs, translator.predict(docs))
    assert sorted(texts) == sorted(TEXTS)


def test_alignments_travel_with_documents(nlp):
    """Also to where there is no vocabulary to read pieces by."""
    docs = list(nlp.pipe(TEXTS, component_cfg={"rnn_translator": {"n_best": 3}}))
    stored = DocBin(store_user_data=True, docs=docs).to_bytes()
    read = DocBin().from_bytes(stored).get_docs(spacy.blank("de").vocab)
    for doc, expected in zip(read, docs, strict=True):  # Lists come back as tuples.
        assert srsly.json_dumps(doc._.translations) == srsly.json_dumps(expected._.translations)


def test_what_nobody_reads_is_not_built(nlp, monkeypatch):
    built = []
    describe = Describer.describe

    def spy(self, translation, untranslated=""):
        built.append(translation)
        return describe(self, translation, untranslated)

    monkeypatch.setattr(Describer, "describe", spy)
    docs = list(nlp.pipe(TEXTS))
    assert not built
    for doc in docs:
        assert doc._.translations is doc._.translations
        assert doc._.translations[0]["text"] == doc._.translation
        assert type(doc.user_data["._.", "translations", None, None]) is list
    assert len(built) == len(TEXTS)


@pytest.mark.parametrize(
    "travel",
    [
        lambda doc: Doc(doc.vocab).from_bytes(doc.to_bytes()),
        lambda doc: pickle.loads(pickle.dumps(doc)),
        lambda doc: doc.copy(),
        lambda doc: Doc(doc.vocab, words=["x"], user_data=dict(doc.user_data)),
        lambda doc: Doc(doc.vocab, words=["x"], user_data=copy.deepcopy(doc.user_data)),
    ],
)
def test_translations_that_were_not_read_travel_as_plain_values(nlp, travel):
    expected, doc = nlp(TEXTS[0])._.translations, nlp(TEXTS[0])
    there = travel(doc)._.translations
    assert srsly.json_dumps(there) == srsly.json_dumps(expected)
    assert [type(each) for each in there] == [dict]
    assert doc._.translations == expected


def test_translations_that_were_not_read_are_in_json(nlp):
    expected = nlp(TEXTS[0])._.translations
    assert nlp(TEXTS[0]).to_json(underscore=["translations"])["_"] == {"translations": expected}


def test_translations_are_read_where_no_translator_is(nlp, tmp_path, run_python):
    """By whoever registers the attribute there."""
    docs = list(nlp.pipe(TEXTS))
    DocBin(store_user_data=True, docs=docs).to_disk(tmp_path / "docs.spacy")
    code = (
        "import json, sys, spacy; from spacy.tokens import Doc, DocBin\n"
        "Doc.set_extension('translations', default=None)\n"
        "docs = DocBin().from_disk(sys.argv[1]).get_docs(spacy.blank('de').vocab)\n"
        "print(json.dumps([doc._.translations for doc in docs]))"
    )
    output = run_python("-c", code, tmp_path / "docs.spacy")
    expected = json.loads(json.dumps([doc._.translations for doc in docs]))
    assert json.loads(output) == expected


def test_translations_are_written_at_once_to_an_attribute_of_others(nlp):
    extension = Doc.get_extension("translations")
    Doc.set_extension("translations", default=None, force=True)
    try:
        assert nlp(TEXTS[0])._.translations[0]["text"] == "three two one"
    finally:
        _, _, getter, setter = extension
        Doc.set_extension("translations", getter=getter, setter=setter, force=True)


def test_what_waits_to_be_read_does_not_hold_its_document(nlp):
    class Owned:
        pass

    doc = nlp(TEXTS[0])
    owned = doc.user_data["owned"] = Owned()
    freed = weakref.ref(owned)
    del owned
    gc.disable()
    try:
        del doc
        assert freed() is None
    finally:
        gc.enable()


DETAILS = {
    "text": {"text"},
    "scores": {"text", "score", "pieces", "piece_scores"},
    "alignments": {"text", "score", "pieces", "piece_scores", "alignment", "untranslated"},
}


@pytest.mark.parametrize(("beam_width", "n_best"), [(1, 1), (3, 1), (3, 3)])
@pytest.mark.parametrize("detail", DETAILS)
def test_translations_have_what_is_asked_for(nlp, detail, beam_width, n_best):
    search = {"beam_width": beam_width, "n_best": n_best}
    texts = [*TEXTS, LONG, ""]
    whole = nlp.pipe(texts, component_cfg={"rnn_translator": search})
    found = nlp.pipe(texts, component_cfg={"rnn_translator": {**search, "detail": detail}})
    for doc, expected in zip(found, whole, strict=True):
        assert doc._.translation == expected._.translation
        for each, full in zip(doc._.translations, expected._.translations, strict=True):
            assert each.keys() == DETAILS[detail]
            for key in each:
                is_number = key in ("score", "piece_scores")
                assert each[key] == (pytest.approx(full[key]) if is_number else full[key])


def test_detail_is_a_setting_of_the_component(nlp):
    other = make_pipeline({**SMALL, "detail": "text"}).from_bytes(nlp.to_bytes())
    (doc,) = other.pipe(TEXTS[:1])
    assert doc._.translations == [{"text": "three two one"}]
    translator = other.get_pipe("rnn_translator")
    translator.set_annotations([doc], translator.predict([doc]))
    assert doc._.translations == [{"text": "three two one"}]
    (doc,) = other.pipe(TEXTS[:1], component_cfg={"rnn_translator": {"detail": "scores"}})
    assert doc._.translations[0].keys() == DETAILS["scores"]


def test_only_alignments_say_what_is_missing(trained, caplog):
    nlp = make_pipeline().from_bytes(trained[0].to_bytes())
    cut = {"max_ratio": 0.0, "max_extra": 2, "detail": "scores"}
    assert list(nlp.pipe([" ".join(TEXTS * 2)], component_cfg={"rnn_translator": cut}))
    assert not caplog.records


class Threads:
    """Note in which threads a translator searches, and how many threads torch has there."""

    def __init__(self, translator, monkeypatch):
        self.seen = set()
        translate = Predictor.translate_passages

        def spy(*arguments):
            self.seen.add((threading.get_ident(), torch.get_num_threads()))
            return translate(*arguments)

        monkeypatch.setattr(Predictor, "translate_passages", spy)
        monkeypatch.setattr(translator, "max_batch_tokens", 5)


def torch_threads():
    """Return torch's threads of this thread and of a new one."""
    new = []
    thread = threading.Thread(target=lambda: new.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return torch.get_num_threads(), *new


@pytest.fixture
def _two_threads_of_torch():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.usefixtures("_two_threads_of_torch")
@pytest.mark.parametrize(("number", "most"), [(None, 2), (1, 1), (3, 3)])
def test_batches_side_by_side_change_nothing(nlp, monkeypatch, number, most):
    texts = [*TEXTS, "", LONG, *(source for source, _ in make_texts())]
    expected = [doc._.translations for doc in nlp.pipe(texts)]
    threads = Threads(nlp.get_pipe("rnn_translator"), monkeypatch)
    others = threading.active_count()
    settings = {"rnn_translator": {"threads": number}}
    docs = list(nlp.pipe(texts, component_cfg=settings))
    assert threading.active_count() == others
    assert torch_threads() == (2, 2)
    here = threading.get_ident(), 2
    if number == 1:
        assert threads.seen == {here}
    else:
        assert here not in threads.seen
        assert {of_torch for _, of_torch in threads.seen} == {1}
        assert 1 <= len(threads.seen) <= most
    for doc, translations in zip(docs, expected, strict=True):
        assert doc._.translation == translations[0]["text"]
        assert doc._.translations[0]["score"] == pytest.approx(translations[0]["score"], abs=1e-5)


def test_many_callers_may_have_threads(nlp, monkeypatch):
    expected = translations(nlp)
    monkeypatch.setattr(nlp.get_pipe("rnn_translator"), "max_batch_tokens", 5)
    settings = {"rnn_translator": {"threads": 2}}
    with ThreadPoolExecutor(4) as callers:
        found = callers.map(lambda _: translations(nlp, component_cfg=settings), range(12))
        assert list(found) == [expected] * 12
    assert torch_threads() == (1, 1)


def test_worker_processes_may_have_threads(nlp, monkeypatch):
    expected = translations(nlp, TEXTS * 4)
    monkeypatch.setattr(nlp.get_pipe("rnn_translator"), "max_batch_tokens", 5)
    settings = {"rnn_translator": {"threads": 2}}
    found = translations(nlp, TEXTS * 4, component_cfg=settings, n_process=2, batch_size=8)
    assert found == expected


def test_a_stream_that_nobody_reads_to_its_end_leaves_no_thread(nlp, monkeypatch):
    monkeypatch.setattr(nlp.get_pipe("rnn_translator"), "max_batch_tokens", 5)
    others = threading.active_count()
    settings = {"rnn_translator": {"threads": 2}}
    stream = nlp.pipe(TEXTS * 4, component_cfg=settings, batch_size=8)
    next(stream)
    assert threading.active_count() > others
    stream.close()
    assert threading.active_count() == others


@pytest.mark.parametrize(("batch_size", "read_ahead", "read"), [(2, 0, 2), (2, 5, 5), (9, 5, 9)])
def test_documents_are_read_ahead_and_come_in_order(nlp, batch_size, read_ahead, read):
    begun = []
    texts = [*TEXTS, *(source for source, _ in make_texts())]

    def source():
        for text in texts:
            begun.append(text)
            yield nlp.make_doc(text)

    stream = nlp.get_pipe("rnn_translator").pipe(
        source(), batch_size=batch_size, read_ahead=read_ahead
    )
    docs = [next(stream)]
    assert len(begun) == read
    docs += stream
    assert [doc.text for doc in docs] == texts
    assert [doc._.translation for doc in docs] == translations(nlp, texts)


def test_sentences_are_translated_one_by_one_and_space_between_is_kept(nlp):
    text = "eins zwei\n\n vier fünf  \ndrei\n"
    doc = nlp.make_doc(text)
    starts = {"eins", "vier", "drei"}
    for token in doc:
        token.is_sent_start = token.text in starts
    (doc,) = nlp.pipe([doc])
    assert doc._.translation == "two one\n\n five four  \nthree\n"


LONG = "\n".join(TEXTS)


def test_texts_of_many_sentences_are_translated_whole(nlp):
    """Whatever finds the sentences; trained was on one in each source."""
    assert nlp.get_pipe("rnn_translator").cfg["max_sentences"] == 1
    expected = "\n".join(translations(nlp))
    assert nlp(LONG)._.translation == expected
    assert nlp(f"{LONG}\n" * 30)._.translation == f"{expected}\n" * 30
    assert nlp(LONG)._.translations[0]["untranslated"] == []
    doc = nlp.make_doc(LONG)
    for token in doc:
        token.is_sent_start = token.i == 0 or doc[token.i - 1].is_space
    assert next(nlp.pipe([doc]))._.translation == expected
    for each in nlp(LONG)._.translations[0]["alignment"]:
        for position in each["source"]:
            assert LONG[position["start"] : position["end"]].strip() in doc[position["token"]].text


@pytest.mark.parametrize(
    ("multiple", "breaks", "expected"),
    [(0, 0, (1, False)), (19, 19, (1, False)), (20, 0, (3, False)), (200, 200, (3, True))],
)
def test_sentences_in_a_passage_are_those_of_the_sources(multiple, breaks, expected, tmp_path):
    nlp = spacy.blank("de")
    nlp.add_pipe("rnn_translator", config=SMALL)
    examples = []
    for number, (source, target) in enumerate(make_texts() * 8):
        space = "\n" if number < breaks else " "
        text = space.join([f"{source}."] * 3) if number < multiple else source
        reference = nlp.make_doc(text)
        reference._.translation = target
        examples.append(Example(nlp.make_doc(text), reference))
    examples = examples[:200]
    assert len(examples) == 200
    nlp.initialize(lambda: examples)
    nlp.to_disk(tmp_path)
    cfg = spacy.load(tmp_path).get_pipe("rnn_translator").cfg
    assert (cfg["max_sentences"], cfg["line_breaks"]) == expected
    sources = sum(len(example.reference.text) for example in examples)
    targets = sum(len(example.reference._.translation) for example in examples)
    assert cfg["length_ratio"] == pytest.approx(targets / sources, abs=1e-4)


def test_incomplete_translations_are_said_once_and_marked(trained, caplog):
    nlp = make_pipeline().from_bytes(trained[0].to_bytes())
    cut = {"rnn_translator": {"max_ratio": 0.0, "max_extra": 2}}
    texts = [TEXTS[1], " ".join(TEXTS * 2), TEXTS[1], " ".join(TEXTS * 3)]
    for _ in range(2):
        docs = list(nlp.pipe(texts, component_cfg=cut))
        assert [bool(doc._.translations[0]["untranslated"]) for doc in docs] == [False, True] * 2
        for doc in docs[1::2]:
            (left_out,) = doc._.translations[0]["untranslated"]
            assert 0 <= left_out["start"] < left_out["end"] <= len(doc.text)
    (record,) = caplog.records
    assert "2 of 4 translations seem to leave out a part of the text" in record.getMessage()
    assert repr(texts[1][:60]) in record.getMessage()


def test_nothing_is_said_of_a_network_that_has_not_learned(caplog):
    """As in the first evaluation of every training."""
    nlp = make_pipeline()
    train(nlp, steps=1)
    cut = {"rnn_translator": {"max_ratio": 0.0, "max_extra": 2}}
    (doc,) = nlp.pipe([" ".join(TEXTS * 2)], component_cfg=cut)
    assert doc._.translations[0]["untranslated"]
    assert not caplog.records


@pytest.mark.parametrize(
    ("attended", "lengths", "expected"),
    [
        (range(10), (40, 40), None),
        (range(10), (40, 15), None),
        (range(10), (40, 10), (0, 40)),
        (range(4), (40, 40), (16, 40)),
        ([0, 1, 8, 9], (40, 20), (8, 32)),
        ([], (40, 40), None),
        ([], (40, 4), (0, 40)),
        ([0], (4, 1), None),
    ],
)
def test_what_is_left_out_has_no_attention_or_no_length(attended, lengths, expected):
    positions = [
        {"start": 4 * index, "end": 4 * index + 4, "token": index}
        for index in range(lengths[0] // 4)
    ]
    hypothesis = Hypothesis([1], 0.0, [0.0, 0.0], [[*attended]], [[0.5] * len(attended)])
    translated = TranslatedPassage(
        before="",
        after="",
        length=lengths[0],
        first_character=0,
        first_token=0,
        tokens=np.zeros((1, 2)),
        source_pieces=[1] * len(positions),
        hypotheses=[hypothesis],
        texts=["x" * lengths[1]],
    )
    found = find_untranslated(translated, 0, positions, 1.0)
    assert [(each["start"], each["end"]) for each in found] == ([expected] if expected else [])


@pytest.mark.parametrize("text", ["", " ", "\n", " \t\n "])
def test_nothing_translates_to_nothing(nlp, text):
    doc = nlp(text)
    assert doc._.translation == text
    assert len(doc._.translations) == 1


@pytest.mark.parametrize(
    "text", ["😀 漢字", "a\x00b\x07", "\u202eabc", "x" * 500, "eins " * 400, "ß\u0301\u200d"]
)
def test_strange_texts_are_translated(nlp, text):
    doc = nlp(text)
    assert isinstance(doc._.translation, str)
    assert translations(nlp, [TEXTS[0], text])[0] == "three two one"


def test_prefixes_are_kept(nlp):
    docs = [nlp.make_doc(text) for text in TEXTS]
    docs[0]._.translation_prefix = "five"
    found = translations(nlp, docs)
    assert found[0].startswith("five")
    assert found[1:] == translations(nlp)[1:]


def test_prefixes_begin_documents_not_sentences(nlp):
    doc = nlp.make_doc("eins zwei vier")
    doc[2].is_sent_start = True
    doc._.translation_prefix = "three"
    (doc,) = nlp.pipe([doc])
    assert doc._.translation.startswith("three")
    assert doc._.translation.endswith(" four")


@pytest.mark.parametrize(
    "settings",
    [{}, {"max_ratio": 0.0, "max_extra": 2}, {"no_repeat_ngram_size": 1}, {"beam_width": 1}],
    ids=str,
)
def test_prefixes_hold_whatever_other_rules_say(nlp, settings, monkeypatch):
    """They are never cut off, and what has to come counts as much as the network says."""
    translator = nlp.get_pipe("rnn_translator")
    prefix = "five five two"
    pieces = translator.target_subwords.encode([prefix])
    monkeypatch.setattr(
        translator, "banned_pieces", tuple(translator.target_subwords.to_pieces(pieces[0]))
    )
    doc = nlp.make_doc(TEXTS[0])
    doc._.translation_prefix = prefix
    (doc,) = nlp.pipe([doc], component_cfg={"rnn_translator": settings})
    (best,) = doc._.translations
    assert best["text"].startswith(prefix)
    assert best["score"] > -100


def test_banned_pieces_are_not_written(nlp):
    translator = nlp.get_pipe("rnn_translator")
    pieces = nlp(TEXTS[0])._.translations[0]["pieces"]
    translator.banned_pieces = (pieces[0],)
    try:
        assert pieces[0] not in nlp(TEXTS[0])._.translations[0]["pieces"]
        translator.banned_pieces = ("nowhere",)
        with pytest.raises(ValueError, match='no piece "nowhere"'):
            nlp(TEXTS[0])
    finally:
        translator.banned_pieces = ()


@pytest.fixture
def round_small_matrices(monkeypatch):
    monkeypatch.setattr("spacy_rnn.nn.kernels.quantized.MIN_WEIGHTS", 2048)


def test_integers_translate_the_same(nlp, round_small_matrices):
    """So sure a network, and so nearly equal products."""
    translator = nlp.get_pipe("rnn_translator")
    expected = list(nlp.pipe(TEXTS))
    translator.int8 = True
    try:
        docs = list(nlp.pipe(TEXTS))
        alone = nlp(TEXTS[0])
    finally:
        translator.int8 = False
    assert [doc._.translation for doc in docs] == [doc._.translation for doc in expected]
    scores = [doc._.translations[0]["score"] for doc in docs]
    exact = [doc._.translations[0]["score"] for doc in expected]
    assert scores == pytest.approx(exact, abs=0.05)
    assert scores != exact
    assert alone._.translations[0]["score"] == pytest.approx(scores[0], abs=1e-5)


@pytest.mark.parametrize("int8", [False, True])
def test_what_is_prepared_follows_the_weights(int8, round_small_matrices):
    """What was rounded, or computed once for all words, before a step, is not after it."""
    nlp = make_pipeline(config={**SMALL, "int8": int8})
    examples, _ = train(nlp, steps=20)
    score = lambda: nlp(TEXTS[0])._.translations[0]["score"]  # noqa: E731
    before = score()
    optimizer = Adam(0.05)
    nlp.update(examples, sgd=optimizer)
    after = score()
    assert after != before
    with nlp.use_params(optimizer.averages):
        averaged, weights = score(), nlp.to_bytes()
    assert averaged != after
    assert score() == after
    copy = spacy.blank("de").from_config(nlp.config).from_bytes(weights)
    assert copy(TEXTS[0])._.translations[0]["score"] == averaged
    stored = nlp.to_bytes()
    nlp.update(examples, sgd=optimizer)
    assert score() != after
    nlp.from_bytes(stored)
    assert score() == after
    assert nlp.get_pipe("rnn_translator").int8 == int8


@pytest.mark.parametrize("beam_width", [1, 3])
def test_mixed_precision_searches_with_products_in_bfloat16(trained, beam_width, monkeypatch):
    """Without hardware for it torch computes the same, only slowly."""
    monkeypatch.setattr("spacy_rnn.bridge.shim.has_bfloat16", lambda device: True)
    plain = trained[0]
    mixed = make_pipeline({**SMALL, "model": {**SMALL["model"], "mixed_precision": True}})
    mixed.from_bytes(plain.to_bytes(exclude=["tokenizer"]), exclude=["tokenizer"])
    step, kinds = DecoderStepper.__call__, set()

    def noted(self, pieces, state):
        scores, weights, after = step(self, pieces, state)
        kinds.add((torch.is_autocast_enabled("cpu"), scores.dtype))
        return scores, weights, after

    monkeypatch.setattr(DecoderStepper, "__call__", noted)
    settings = {"component_cfg": {"rnn_translator": {"beam_width": beam_width}}}
    found, expected = (
        [doc._.translations[0] for doc in nlp.pipe(TEXTS, **settings)] for nlp in (mixed, plain)
    )
    assert kinds == {(False, torch.float32)}
    assert [each["text"] for each in found] == [each["text"] for each in expected]
    scores = [each["score"] for each in expected]
    assert [each["score"] for each in found] == pytest.approx(scores, abs=0.05)
    assert [each["score"] for each in found] != scores
    with mixed.get_pipe("rnn_translator").model.shims[0].predictor("bfloat16") as network:
        decoder = network.decoder
    together = decoder.network.layers[-1].weight_hh, decoder.readout.weight
    assert ("bfloat16", *map(id, together)) in decoder.prepared._cache


def test_all_settings_of_recurrent_encoders_are_those_of_a_translators_networks():
    settings = {
        "depth": 2,
        "cell": "lstmp",
        "merge": "sum",
        "residual": True,
        "layer_norm": True,
        "initial_state": "learned",
        "dropout_input": 0.1,
        "dropout_layers": 0.1,
        "dropout_output": 0.1,
        "word_dropout": 0.2,
        "weight_drop": 0.1,
        "zoneout_hidden": 0.1,
        "zoneout_cell": 0.1,
        "forget_bias": -1.0,
        "chrono_init": 9,
        "cell_width": 24,
        "heads": 1,
    }
    others = {"width", "bidirectional"}
    known = set(signature(build_recurrent_encoder_v1).parameters)
    # Mixed precision is that of the whole network.
    assert known - {"mixed_precision", "dropout"} == {*settings, *others}
    assert set(signature(RecurrentSettings).parameters) == {*settings, *others}
    encoder, decoder = ({**SMALL["model"][part]} for part in ("encoder", "decoder"))
    encoder["network"] = {**encoder["network"], **settings}
    decoder["network"] = {**decoder["network"], **settings}
    decoder["bridge"] = "zero"
    model = {**SMALL["model"], "encoder": encoder, "decoder": decoder}
    nlp = make_pipeline({**SMALL, "model": model})
    train(nlp, steps=1)
    seq2seq = nlp.get_pipe("rnn_translator").model.shims[0].network
    for network in (seq2seq.encoder.network, seq2seq.decoder.network):
        assert network.zoneouts == (0.1, 0.1)
        assert network.residual
    assert seq2seq.encoder.network.dropout_input.rate == 0.1
    assert seq2seq.encoder.network.word_dropout.rate == 0.2
    assert seq2seq.encoder.network.dropout_output.rate == 0.1
    assert seq2seq.decoder.network.dropout_input.rate == 0.0  # The embeddings have it.
    assert seq2seq.decoder.dropout_embedded.rate == 0.1
    assert seq2seq.decoder.word_dropout.rate == 0.2
    assert seq2seq.decoder.dropout_readout.rate == 0.1
    assert seq2seq.decoder.network.dropout_output.rate == 0.0
    assert translations(nlp)


def test_two_translators_live_in_one_pipeline():
    nlp = make_pipeline()
    make_pipeline({**SMALL, "attr": "english"}, "to_english", nlp)
    fix_random_seed(0)
    examples = make_examples(nlp)
    for example in examples:
        example.reference._.english = example.reference._.translation[::-1]
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(200):
        nlp.update(examples, sgd=optimizer)
    scores = nlp.evaluate(examples)
    assert scores["rnn_translator_bleu"] > 80
    assert scores["to_english_bleu"] > 80
    doc = nlp(TEXTS[0])
    assert (doc._.translation, doc._.english) == ("three two one", "eno owt eerht")


def test_tokens_can_be_the_source():
    """An encoder of spaCy tokens, shared by a listener, instead of subwords."""
    nlp = spacy.blank("de")
    tok2vec = {
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": 32,
            "attrs": ["NORM"],
            "rows": [200],
            "include_static_vectors": False,
        },
        "encode": {
            "@architectures": "spacy-rnn.BiLSTMEncoder.v1",
            "width": 32,
            "depth": 1,
            "dropout": 0.0,
        },
    }
    nlp.add_pipe("tok2vec", config={"model": {"@architectures": "spacy.Tok2Vec.v2", **tok2vec}})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
    config = {
        "vocab_size": 285,
        "model": {
            "@architectures": "spacy-rnn.Seq2Seq.v1",
            "encoder": listener,
            "attention": {"@misc": "spacy-rnn.general_attention.v1"},
            "decoder": {**SMALL["model"]["decoder"], "@misc": "spacy-rnn.recurrent_decoder.v1"},
        },
    }
    nlp.add_pipe("rnn_translator", config=config)
    examples, losses = train(nlp, 250)
    assert losses[-1] < 0.5 * losses[0]
    assert nlp.evaluate(examples)["rnn_translator_bleu"] > 80
    copy = spacy.blank("de").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert translations(copy) == translations(nlp)
    # A space at the end takes nothing from the tokens, nor does a sentence behind them.
    assert translations(nlp, [f"{TEXTS[0]} "]) == [f"{translations(nlp)[0]} "]
    doc = nlp.make_doc("eins zwei drei vier ")
    doc[3].is_sent_start = True
    (doc,) = nlp.pipe([doc])
    sources = [passage.source for passage in split_passages([doc])]
    assert [len(source) for source in sources] == [3, 1]
    assert np.array_equal(np.vstack([source.tensor for source in sources]), doc.tensor)
    looked_at = set()
    for doc in nlp.pipe(TEXTS):
        (best,) = doc._.translations
        for position in [position for each in best["alignment"] for position in each["source"]]:
            token = doc[position["token"]]
            assert (position["start"], position["end"]) == (token.idx, token.idx + len(token))
            looked_at.add(token.i)
    assert looked_at == {0, 1, 2, 3}


ATTENTIONS = [
    point.name
    for point in entry_points(group="spacy_misc")
    if point.name.startswith("spacy-rnn.") and "_attention." in point.name
]


def test_there_are_several_attentions():
    assert len(ATTENTIONS) >= 5


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_each_attention_learns_and_travels(attention):
    settings = (
        {"width": 32} if "width" in signature(registry.misc.get(attention)).parameters else {}
    )
    model = {**SMALL["model"], "@architectures": "spacy-rnn.Seq2Seq.v1"}
    model["encoder"] = {**model["encoder"], "@misc": "spacy-rnn.subword_encoder.v1"}
    model["decoder"] = {**model["decoder"], "@misc": "spacy-rnn.recurrent_decoder.v1"}
    model["attention"] = {"@misc": attention, **settings}
    nlp = make_pipeline({**SMALL, "model": model})
    _, losses = train(nlp, steps=25)
    assert losses[-1] < 0.7 * losses[0]
    copy = spacy.blank("de").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert translations(copy) == translations(nlp)
    weights = [
        position["weight"]
        for each in nlp(TEXTS[0])._.translations[0]["alignment"]
        for position in each["source"]
    ]
    assert weights
    assert all(0 < weight <= 1 for weight in weights)


def test_several_references_count_and_travel(nlp, tmp_path):
    docs = DocBin(store_user_data=True)
    for source, target in make_texts():
        doc = nlp.make_doc(source)
        doc._.translation = ["something else", target]
        docs.add(doc)
    docs.to_disk(tmp_path / "dev.spacy")
    examples = list(Corpus(tmp_path / "dev.spacy")(nlp))
    scores = nlp.evaluate(examples)
    assert scores["rnn_translator_bleu"] > 95
    assert "nrefs:2" in scores["rnn_translator_bleu_signature"]


def test_vocabularies_are_labels(nlp):
    translator = nlp.get_pipe("rnn_translator")
    data = srsly.json_loads(srsly.json_dumps(translator.label_data))
    other = make_pipeline()
    other.get_pipe("rnn_translator").initialize(
        lambda: make_examples(other), nlp=other, labels=data
    )
    assert other.get_pipe("rnn_translator").target_subwords == translator.target_subwords
    assert other.get_pipe("rnn_translator").source_subwords == translator.source_subwords


def test_separate_vocabularies():
    nlp = make_pipeline({**SMALL, "shared_vocab": False, "vocab_size": 275})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    translator = nlp.get_pipe("rnn_translator")
    assert translator.source_subwords != translator.target_subwords
    nlp.update(examples, sgd=Adam(0.001))


def test_separate_vocabularies_share_no_embeddings():
    model = {**SMALL["model"], "tied_embeddings": True}
    nlp = make_pipeline({**SMALL, "model": model, "shared_vocab": False, "vocab_size": 275})
    with pytest.raises(ValueError, match="set shared_vocab to true, or tied_embeddings to false"):
        nlp.initialize(lambda: make_examples(nlp))


def test_two_translators_of_one_attribute_are_refused():
    nlp = make_pipeline()
    with pytest.raises(ValueError, match=r"would both write to doc\._\.translation: give one"):
        make_pipeline(name="another", nlp=nlp)


def test_sampling_follows_the_seed_and_the_config():
    config = {**SMALL, "subword_sampling": 0.3}
    nlp = make_pipeline(config)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    plain = make_pipeline().from_bytes(nlp.to_bytes())
    copy = make_pipeline(config).from_bytes(plain.to_bytes())

    def loss(nlp, seed):
        fix_random_seed(seed)
        return nlp.update(examples, sgd=False)["rnn_translator"]

    assert loss(nlp, 0) == loss(copy, 0)
    assert loss(nlp, 0) != loss(nlp, 1)
    assert loss(plain, 0) == loss(plain, 1) != loss(nlp, 0)


@pytest.mark.parametrize("threads", [1, 2])
def test_one_bad_document_costs_the_others_nothing(nlp, monkeypatch, threads):
    translator = nlp.get_pipe("rnn_translator")
    monkeypatch.setattr(translator, "threads", threads)
    monkeypatch.setattr(translator, "max_batch_tokens", 5)
    translate = Predictor.translate_passages

    def fail(predictor, passages, prefixes):
        if any(passage.text == "vier" for passage in passages):
            raise ValueError("bad")
        return translate(predictor, passages, prefixes)

    monkeypatch.setattr(Predictor, "translate_passages", fail)
    expected = [text for text in TEXTS if text != "vier"]
    with pytest.raises(ValueError, match="bad"):
        list(nlp.pipe(TEXTS))
    failed = []
    nlp.set_error_handler(lambda name, pipe, docs, error: failed.extend(docs))
    try:
        assert [doc.text for doc in nlp.pipe(TEXTS)] == expected
    finally:
        nlp.set_error_handler(spacy.util.raise_error)
    assert [doc.text for doc in failed] == ["vier"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beam_width": 0}, "beam_width is 0"),
        ({"beam_width": -3}, "beam_width is -3"),
        (
            {"n_best": 9},
            "n_best is 9, but has to be at least 1 and at most beam_width, which is 3",
        ),
        ({"max_ratio": 0.0, "max_extra": 0}, "both 0"),
        ({"width": 3}, 'no setting "width", but has min_length'),
        ({"n_best": 2.0}, "n_best is 2.0, but has to be a whole number"),
        (
            {"no_repeat_ngram_size": 1.5},
            "no_repeat_ngram_size is 1.5, but has to be a whole number",
        ),
        ({"alpha": float("nan")}, "alpha is nan, but has to lie between -10 and 10"),
        ({"alpha": 400.0}, "alpha is 400.0, but has to lie between -10 and 10"),
        ({"threads": 0}, "threads is 0, but has to be at least 1"),
        ({"read_ahead": -1}, "read_ahead is -1, but has to be at least 0"),
        (
            {"detail": "all"},
            'detail is "all", but has to be one of "text", "scores", "alignments"',
        ),
    ],
)
def test_wrong_settings_of_a_call_say_what_is_right(nlp, settings, message):
    with pytest.raises(ValueError, match=message):
        list(nlp.pipe(TEXTS, component_cfg={"rnn_translator": settings}))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"max_batch_tokens": 0}, "max_batch_tokens is 0"),
        ({"max_sentences": -1}, "max_sentences is -1"),
        ({"threads": 0}, "threads is 0"),
        ({"read_ahead": -1}, "read_ahead is -1"),
        ({"detail": "score"}, 'detail is "score"'),
        ({"subword_sampling": 1.0}, "subword_sampling is 1.0"),
        ({"search": {"n_best": 6}}, "n_best is 6"),
        ({"model": {"decoder": {"label_smoothing": 1.5}}}, "label_smoothing is 1.5"),
        ({"model": {"decoder": {"embed_width": 0, "readout_width": 0}}}, "width is 0"),
        ({"model": {"attention": {"width": 0}}}, "width is 0"),
    ],
)
def test_wrong_settings_say_what_is_right(config, message):
    with pytest.raises(ValueError, match=message):
        spacy.blank("en").add_pipe("rnn_translator", config=config)


def test_initialize_without_translations_says_what_is_missing():
    nlp = make_pipeline()
    examples = [Example(nlp.make_doc("eins"), nlp.make_doc("eins"))]
    with pytest.raises(ValueError, match=r"No example has a translation in reference\._\."):
        nlp.initialize(lambda: examples)


def test_translating_before_training_says_what_is_missing():
    with pytest.raises(ValueError, match=r"call nlp\.initialize first"):
        make_pipeline()("eins")


@pytest.mark.parametrize("int8", [False, True])
def test_weights_that_are_not_numbers_are_an_error(nlp, round_small_matrices, int8):
    copy = make_pipeline({**SMALL, "int8": int8}).from_bytes(nlp.to_bytes())
    network = copy.get_pipe("rnn_translator").model.shims[0].network
    network.decoder.readout.weight.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="not numbers"):
        copy("eins")


def test_examples_without_translations_are_passed_over(nlp):
    copy = make_pipeline().from_bytes(nlp.to_bytes())
    plain = [Example(copy.make_doc("eins"), copy.make_doc("eins"))]
    assert copy.update(plain, sgd=Adam(0.01)) == {"rnn_translator": 0.0}
    assert "rnn_translator_bleu" not in copy.evaluate(plain)


def test_accumulated_gradients_make_one_step(nlp):
    copy = make_pipeline().from_bytes(nlp.to_bytes())
    examples = make_examples(copy)
    translator = copy.get_pipe("rnn_translator")
    before = translator.model.shims[0].to_bytes()
    translator.update(examples[:10])
    assert translator.model.shims[0].to_bytes() == before
    translator.finish_update(Adam(0.01))
    assert translator.model.shims[0].to_bytes() != before
