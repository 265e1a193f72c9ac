"""A training that is killed and resumed ends as if it had not been, or is refused."""

import io
import json
import logging
import sys

import numpy as np
import pytest
import spacy
from new_process import run_script
from safetensors.numpy import load
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from stock_pipelines import ENCODERS, make_pipeline, write_config

from spacy_rnn.training import resumable
from spacy_rnn.training.checkpoint import read_checkpoint, write_checkpoint
from spacy_rnn.training.resumable import CHECKPOINT, ResumableTraining

CASES = ("tagger", "ner", "textcat", "lm", "translator", "stock", "stream")


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    """Trainings of all kinds: whole ones, and others killed in one process, resumed in another."""
    if sys.platform == "win32":
        pytest.skip("needs os.fork")
    root = tmp_path_factory.mktemp("trainings")
    for how in ("whole", "interrupted", "resumed"):
        run_script("child_resumed_training.py", root, how, timeout=300)
    return root


@pytest.mark.parametrize("model", ["model-last", "model-best"])
@pytest.mark.parametrize("case", CASES)
def test_a_resumed_training_ends_with_the_same_bytes(trainings, case, model):
    whole, resumed = (
        {
            path.relative_to(folder / case / model): path.read_bytes()
            for path in (folder / case / model).rglob("*")
            if path.is_file()
        }
        for folder in (trainings / "whole", trainings / "interrupted")
    )
    assert len(whole) > 5
    assert whole.keys() == resumed.keys()
    assert [str(path) for path in whole if whole[path] != resumed[path]] == []


@pytest.mark.parametrize("case", CASES)
def test_the_checkpoint_of_a_resumed_training_is_the_same(trainings, case):
    """All tensors of its end: weights, moments, averages, random states, carried states."""
    whole, resumed = (
        load((trainings / how / case / CHECKPOINT).read_bytes())
        for how in ("whole", "interrupted")
    )
    assert whole.keys() == resumed.keys()
    assert all(whole[name].tobytes() == resumed[name].tobytes() for name in whole)


@pytest.mark.parametrize("case", CASES)
def test_the_log_has_each_row_once(trainings, case):
    def read(how):
        lines = (trainings / how / case / "log.jsonl").read_text(encoding="utf8").splitlines()
        rows = [json.loads(line) for line in lines]
        assert all(row["checkpoint"]["bytes"] > 10_000 for row in rows)
        return [(row["step"], row["epoch"], row["words"], row["losses"]) for row in rows]

    assert read("whole") == read("interrupted")


@pytest.fixture
def prepare(tmp_path):
    """Write a config of a small tagger, with settings that differ."""
    nlp = make_pipeline(["tagger"], ENCODERS["bilstm"])

    def write(**training):
        settings = {"max_steps": 4, "eval_frequency": 2, **training}
        path = write_config(nlp, tmp_path, {"training": settings})
        return spacy.util.load_config(path, interpolate=False)

    return write


def run(config, output, **settings):
    training = ResumableTraining(config, output, **settings)
    stdout = io.StringIO()
    training.run(init_nlp(config), stdout=stdout)
    return stdout.getvalue()


def read(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_it_is_the_training_of_spacy(tmp_path, prepare):
    """The same models come out, and the config in them is the one that was given."""
    config = prepare(dropout=0.2)
    assert "Wrote 3 checkpoints of" in run(config, tmp_path / "ours")
    (tmp_path / "theirs").mkdir()
    train(init_nlp(config), tmp_path / "theirs", stdout=io.StringIO())
    for model in ("model-last", "model-best"):
        assert read(tmp_path / "ours" / model) == read(tmp_path / "theirs" / model)


def test_a_training_that_is_over_is_left_as_it_is(tmp_path, prepare):
    config = prepare()
    run(config, tmp_path / "output")
    before = read(tmp_path / "output")
    run(config, tmp_path / "output", resume=True)
    assert read(tmp_path / "output") == before


def test_another_config_is_refused_with_the_difference(tmp_path, prepare):
    run(prepare(dropout=0.1), tmp_path / "output")
    before = read(tmp_path / "output")
    with pytest.raises(ValueError, match=r"training\.dropout is 0\.2, and was 0\.1\n"):
        ResumableTraining(prepare(dropout=0.2), tmp_path / "output", resume=True)
    assert read(tmp_path / "output") == before


@pytest.mark.parametrize(
    ("corpus", "change", "message"),
    [
        ("train", "shorter", "training corpus:\n- 11 documents of 58 words, where there were 12 "),
        ("train", "other", "training corpus:\n- the first difference is in document 12\n"),
        ("dev", "other", "development corpus:\n- the first difference is in document 12\n"),
    ],
)
def test_another_corpus_is_refused_with_the_difference(
    tmp_path, prepare, monkeypatch, corpus, change, message
):
    class Killed(BaseException):
        pass

    def kill(training, info, states):
        save(training, info, states)
        if info["step"] == 2:
            raise Killed

    config = prepare()
    path = tmp_path / f"{corpus}.spacy"
    docs = DocBin().from_disk(config["paths"]["train"])
    docs.to_disk(path)
    config["paths"][corpus] = str(path)
    save = ResumableTraining._save
    monkeypatch.setattr(ResumableTraining, "_save", kill)
    with pytest.raises(Killed):
        run(config, tmp_path / "output")
    monkeypatch.setattr(ResumableTraining, "_save", save)
    before = read(tmp_path / "output")

    nlp = spacy.blank("en")
    *most, last = docs.get_docs(nlp.vocab)
    last.ents = []
    DocBin(docs=[*most, last] if change == "other" else most).to_disk(path)
    with pytest.raises(ValueError, match=message):
        run(config, tmp_path / "output", resume=True)
    assert read(tmp_path / "output") == before
    docs.to_disk(path)
    run(config, tmp_path / "output", resume=True)
    assert read(tmp_path / "output") != before


def test_other_versions_are_said(tmp_path, prepare, monkeypatch, caplog):
    config = prepare()
    run(config, tmp_path / "output")
    monkeypatch.setattr(resumable, "version", lambda name: "0")
    monkeypatch.setattr(logging.getLogger("spacy"), "propagate", True)
    ResumableTraining(config, tmp_path / "output", resume=True)
    assert 'torch is "0", and was "' in caplog.text


def test_a_checkpoint_holds_what_it_was_given(tmp_path):
    state = {"a": [np.eye(2), {"b": b"bytes", "c": np.array(1.5)}], "d": [None, 1.5]}
    size = write_checkpoint(tmp_path / "state", state)
    assert (tmp_path / "state").stat().st_size == size
    stored = read_checkpoint(tmp_path / "state")
    assert stored["d"] == state["d"]
    assert np.array_equal(stored["a"][0], np.eye(2))
    assert stored["a"][1] == {"b": b"bytes", "c": np.array(1.5)}


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, prepare, cut):
    config = prepare()
    run(config, tmp_path / "output")
    path = tmp_path / "output" / CHECKPOINT
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors is no checkpoint"):
        ResumableTraining(config, tmp_path / "output", resume=True)
