"""Every command of spaCy on every component: none fails where it does not for stock ones."""

import json

import pytest
import spacy
import srsly
from contract_samples import SAMPLES, make_pipeline, train
from new_process import SCRIPTS, run_python
from spacy.cli._util import app
from spacy.tokens import DocBin
from stock_pipelines import TEXTS, pretraining, write_config
from typer.testing import CliRunner

# spaCy's commands leave files open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
NAMES = ["tagger", "CRF tagger", "ner", "classifier", "classifier of many", "translator"]
NAMES.append("language model")


@pytest.fixture(scope="module")
def run():
    runner = CliRunner()

    def run_command(*arguments):
        result = runner.invoke(app, [*map(str, arguments)], catch_exceptions=True)
        assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
        return result.output

    return run_command


@pytest.fixture(scope="module", params=NAMES)
def trained(request, run, tmp_path_factory):
    """A component, and where its config, its corpus and what `spacy train` made of it lie."""
    folder = tmp_path_factory.mktemp("commands")
    sample = SAMPLES[request.param]
    nlp = make_pipeline(sample)
    # spaCy's own check of data asks for a hundred examples.
    config = write_config(nlp, folder, {}, examples=sample.make_examples(nlp) * 9)
    steps = ["--training.max_steps", 10, "--training.eval_frequency", 5]
    run("train", config, "--output", folder / "out", *steps)
    return sample, folder


def test_train(trained):
    sample, folder = trained
    for name in ("model-last", "model-best"):
        assert sample.read(spacy.load(folder / "out" / name)(TEXTS[0]))


def test_evaluate(trained, run):
    sample, folder = trained
    run("evaluate", folder / "out/model-last", folder / "corpus.spacy", "-o", folder / "m.json")
    assert sample.score in srsly.read_json(folder / "m.json")


def test_assemble(trained, run):
    sample, folder = trained
    config = spacy.util.load_config(folder / "config.cfg")
    config["components"] = {sample.factory: {"source": str(folder / "out/model-last")}}
    config.to_disk(folder / "sourced.cfg")
    run("assemble", folder / "sourced.cfg", folder / "assembled")
    texts = TEXTS[:3]
    expected, assembled = (
        [sample.read(doc) for doc in spacy.load(folder / path).pipe(texts)]
        for path in ("out/model-last", "assembled")
    )
    assert assembled == expected


def test_apply(trained, run):
    sample, folder = trained
    srsly.write_jsonl(folder / "texts.jsonl", [{"text": text} for text in TEXTS[:3]])
    run("apply", folder / "out/model-last", folder / "texts.jsonl", folder / "applied.spacy")
    nlp = spacy.load(folder / "out/model-last")
    docs = DocBin().from_disk(folder / "applied.spacy").get_docs(nlp.vocab)
    expected = [sample.read(doc) for doc in nlp.pipe(TEXTS[:3])]
    assert [sample.read(doc) for doc in docs] == expected


def test_benchmark_speed(trained, run):
    _, folder = trained
    run("benchmark", "speed", folder / "out/model-last", folder / "corpus.spacy", "-n", 2, "-w", 1)


def test_debug_config(trained, run):
    run("debug", "config", trained[1] / "config.cfg")


def test_debug_data(trained, run):
    run("debug", "data", trained[1] / "config.cfg")


def test_debug_model(trained, run):
    sample, folder = trained
    steps = ["-P0", "-P1", "-P2", "-P3", "-PAR", "-GRAD"]
    run("debug", "model", folder / "config.cfg", sample.factory, *steps)


def test_debug_profile(trained, run, monkeypatch):
    _, folder = trained
    monkeypatch.chdir(folder)  # Where it leaves its measurements.
    srsly.write_jsonl(folder / "texts.jsonl", [{"text": text} for text in TEXTS[:3]])
    run("debug", "profile", folder / "out/model-last", folder / "texts.jsonl")


def test_init_fill_config(trained, run):
    _, folder = trained
    run("init", "fill-config", folder / "config.cfg", folder / "filled.cfg")


def test_init_labels(trained, run):
    sample, folder = trained
    run("init", "labels", folder / "config.cfg", folder / "labels")
    assert (folder / f"labels/{sample.factory}.json").exists()


def test_find_threshold(trained, run):
    sample, folder = trained
    if sample.factory != "rnn_textcat_multilabel":
        pytest.skip("has no threshold")
    arguments = [sample.factory, "threshold", "cats_micro_f", "--n_trials", 3]
    run("find-threshold", folder / "out/model-last", folder / "corpus.spacy", *arguments)


def test_pretrain(trained, run):
    sample, folder = trained
    if sample.factory in ("rnn_translator", "rnn_lm"):
        pytest.skip("has no tok2vec")
    settings = pretraining(folder, sample.factory)
    spacy.util.load_config(folder / "config.cfg").merge(settings).to_disk(folder / "pretrain.cfg")
    run("pretrain", folder / "pretrain.cfg", folder / "pretrained")
    start = ["--initialize.init_tok2vec", folder / "pretrained/model-last.bin"]
    run("train", folder / "pretrain.cfg", *start, "--training.max_steps", 1)


READ = """
import json, sys
from contract_samples import SAMPLES
import en_everything

nlp = en_everything.load()
docs = list(nlp.pipe(json.loads(sys.argv[1])))
print(json.dumps([[SAMPLES[name].read(doc) for doc in docs] for name in json.loads(sys.argv[2])]))
"""


def test_package_and_install(run, tmp_path):
    """A pipeline of them all, as a wheel, in a process that did not make it."""
    nlp = spacy.blank("en")
    for number, name in enumerate(NAMES):
        nlp.add_pipe(SAMPLES[name].factory, f"part{number}", source=train(SAMPLES[name], 5))
    nlp.to_disk(tmp_path / "model")
    run("package", tmp_path / "model", tmp_path, "--name", "everything", "--build", "none")
    (package,) = tmp_path.glob("en_everything-*")
    offline = ["-q", "--no-deps", "--no-build-isolation", "--no-index"]
    run_python("-m", "pip", "wheel", *offline, "-w", tmp_path, package)
    (wheel,) = tmp_path.glob("*.whl")
    run_python("-m", "pip", "install", *offline, "--target", tmp_path / "installed", wheel)
    arguments = json.dumps(TEXTS), json.dumps(NAMES)
    found = run_python("-c", READ, *arguments, folders=[tmp_path / "installed", SCRIPTS])
    docs = list(nlp.pipe(TEXTS))
    expected = [[SAMPLES[name].read(doc) for doc in docs] for name in NAMES]
    assert json.loads(found) == json.loads(json.dumps(expected))
