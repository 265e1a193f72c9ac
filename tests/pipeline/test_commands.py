"""The commands of spaCy, as users type them, on configs that name the encoders."""

import pytest
import spacy
import srsly
from new_process import run_python
from stock_pipelines import (
    BILSTM,
    ENCODERS,
    TEXTS,
    assert_equal_weights,
    assert_same,
    make_examples,
    make_pipeline,
    predict,
    pretrained_weights,
    pretraining,
    weights,
    write_config,
)


def run_spacy(*arguments):
    return run_python("-m", "spacy", *map(str, arguments), timeout=300)


@pytest.fixture
def config(tmp_path):
    """A config that trains a tagger, from pretrained weights if there are any."""
    nlp = make_pipeline(["tok2vec", "tagger"], BILSTM)
    return write_config(nlp, tmp_path, pretraining(tmp_path, "tok2vec"))


def test_train(tmp_path, config):
    steps = ["--training.max_steps", "20"]
    run_spacy("train", config, "--output", tmp_path / "output", *steps)
    nlp = spacy.load(tmp_path / "output" / "model-best")
    assert weights(nlp.get_pipe("tok2vec").model)
    assert nlp.evaluate(make_examples(nlp))["tag_acc"] > 0.5


def test_pretrain_and_train_from_there(tmp_path, config):
    run_spacy("pretrain", config, tmp_path)
    stored = tmp_path / "model-last.bin"
    # Steps of no length: what comes out is what training started from.
    settings = ["--training.optimizer.learn_rate", "0", "--training.max_steps", "1"]
    start = ["--initialize.init_tok2vec", stored]
    run_spacy("train", config, "--output", tmp_path / "output", *start, *settings)
    nlp = spacy.load(tmp_path / "output" / "model-last")
    assert_equal_weights(weights(nlp.get_pipe("tok2vec").model), pretrained_weights(stored))


def test_debug_config(config):
    assert "Config is valid" in run_spacy("debug", "config", config)


def test_debug_config_shows_unknown_settings(config):
    text = config.read_text(encoding="utf8")
    config.write_text(text.replace("depth = 1", "depth = 1\nlayers = 2"), encoding="utf8")
    with pytest.raises(AssertionError, match="layers"):
        run_spacy("debug", "config", config)


@pytest.mark.parametrize("component", ["tok2vec", "tagger"])
def test_debug_model(config, component):
    steps = ["-P0", "-P1", "-P2", "-P3", "-PAR", "-GRAD"]
    output = run_spacy("debug", "model", config, component, *steps)
    assert "model looks good" in output


def test_assemble(tmp_path, trained, stored):
    """A trained component as it is stored, and a new one with its labels from the config."""
    path = write_config(
        make_pipeline(["tagger", "spancat"], ENCODERS["recurrent"]),
        tmp_path,
        {"initialize": {"components": {"spancat": {"labels": ["PERSON", "PLACE"]}}}},
        sources={"tagger": {"source": str(stored("bilstm", "tagger"))}},
    )
    run_spacy("assemble", path, tmp_path / "output")
    nlp = spacy.load(tmp_path / "output")
    assert nlp.get_pipe("spancat").labels == ("PERSON", "PLACE")
    assert all("sc" in doc.spans for doc in nlp.pipe(TEXTS))
    nlp.remove_pipe("spancat")
    assert_same(predict(nlp, TEXTS), predict(trained("bilstm", "tagger"), TEXTS))


def test_package_requires_this_package(tmp_path, stored):
    run_spacy("package", stored("bilstm", "tagger"), tmp_path, "--build", "none", "--name", "rnn")
    (meta,) = tmp_path.glob("en_rnn-*/meta.json")
    requirements = srsly.read_json(meta)["requirements"]
    assert [name for name in requirements if name.startswith("spacy-rnn")]
