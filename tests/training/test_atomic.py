"""Checkpoints are whole at each moment."""

import io
import os
import sys

import pytest
import spacy
from new_process import run_script
from spacy.training.loop import train
from stock_pipelines import ENCODERS, TEXTS, initialize, make_examples, make_pipeline

from spacy_rnn.training import atomic
from spacy_rnn.training.atomic import replace_directory, replace_file

CALLBACK = "spacy-rnn.atomic_checkpoints.v1"


def loads(path):
    try:
        nlp = spacy.load(path)
    except Exception:
        return False
    assert [token.tag_ for doc in nlp.pipe(TEXTS) for token in doc]
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="needs os.fork")
@pytest.mark.parametrize(("callback", "trainings"), [("", 5), (CALLBACK, 100)])
def test_a_training_killed_at_any_write_leaves_whole_checkpoints(tmp_path, callback, trainings):
    """Each write is torn in turn, and each rename and deletion is the last. spaCy alone fails."""
    run_script("child_killed_training.py", tmp_path, callback, str(trainings))
    outputs = sorted(tmp_path.iterdir(), key=lambda path: int(path.name))
    states = {
        read_files(output / name): output / name
        for output in outputs
        for name in ("model-last", "model-best")
    }
    assert all(map(loads, states.values())) == bool(callback)
    if callback:
        assert 20 < len(outputs) < trainings  # The last one came to its end.
        assert {path.name for path in outputs[-1].iterdir()} == {"model-last", "model-best"}


def read_files(folder):
    """Return all that a folder holds; equal folders are loaded once."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return tuple((str(path.relative_to(folder)), path.read_bytes()) for path in files)


def write_text(text):
    def write(folder):
        folder.mkdir()
        (folder / "part").mkdir()
        (folder / "part" / "text").write_text(text)

    return write


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_is_replaced_and_nothing_is_left(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    for text in ("one", "two", "three"):
        replace_directory(tmp_path / "model", write_text(text))
        assert (tmp_path / "model" / "part" / "text").read_text() == text
        assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_this_system_exchanges_folders(tmp_path):
    if sys.platform not in ("linux", "darwin"):
        pytest.skip("has no operation for it")
    write_text("one")(tmp_path / "one")
    write_text("two")(tmp_path / "two")
    assert atomic._exchange(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "one" / "part" / "text").read_text() == "two"


def test_a_folder_set_aside_is_put_back(tmp_path, monkeypatch):
    """The process ended between the renames that stand for an exchange."""

    def fail(folder):
        raise OSError("no space left")

    write_text("one")(tmp_path / ".model.old")
    with pytest.raises(OSError, match="no space"):
        replace_directory(tmp_path / "model", fail)
    assert (tmp_path / "model" / "part" / "text").read_text() == "one"


def test_a_failed_write_leaves_what_was_there(tmp_path):
    replace_directory(tmp_path / "model", write_text("one"))

    def fail(folder):
        write_text("two")(folder)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        replace_directory(tmp_path / "model", fail)
    assert (tmp_path / "model" / "part" / "text").read_text() == "one"
    replace_directory(tmp_path / "model", write_text("three"))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_link_leads_to_the_new_folder(tmp_path):
    (tmp_path / "disk").mkdir()
    replace_directory(tmp_path / "disk" / "model", write_text("one"))
    (tmp_path / "model").symlink_to(tmp_path / "disk" / "model")
    replace_directory(tmp_path / "model", write_text("two"))
    assert (tmp_path / "model").is_symlink()
    assert (tmp_path / "model" / "part" / "text").read_text() == "two"


def test_a_file_is_replaced(tmp_path):
    for data in (b"one", b"two"):
        replace_file(tmp_path / "data", data)
        assert (tmp_path / "data").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a file that is a device")
def test_a_device_is_not_replaced():
    replace_file(os.devnull, b"data")
    assert not os.path.isfile(os.devnull)
    assert os.path.exists(os.devnull)


def test_a_training_into_the_same_folder_begins_without_the_former(tmp_path):
    """spaCy deletes the checkpoints of a former training, and so it does here."""
    train_tagger(tmp_path, {"@callbacks": CALLBACK})
    (tmp_path / "model-best" / "stale").mkdir()
    train_tagger(tmp_path, {"@callbacks": CALLBACK})
    assert not (tmp_path / "model-best" / "stale").exists()
    train_tagger(tmp_path, None)
    assert loads(tmp_path / "model-best")


def test_another_callback_runs_before(tmp_path):
    """What it returns is stored."""

    def make_shorter():
        def replace(nlp):
            shorter = spacy.blank("en")
            shorter.add_pipe("sentencizer")
            return shorter

        return replace

    spacy.registry.callbacks.register("test-shorter.v1", func=make_shorter)
    inner = {"@callbacks": "test-shorter.v1"}
    train_tagger(tmp_path, {"@callbacks": CALLBACK, "callback": inner})
    assert spacy.load(tmp_path / "model-last").pipe_names == ["sentencizer"]


def train_tagger(output, before_to_disk):
    spacy.registry.readers.register("test-corpus.v1", func=lambda: make_examples)
    nlp = make_pipeline(["tagger"], ENCODERS["bilstm"])
    initialize(nlp)
    corpora = {"train": {"@readers": "test-corpus.v1"}, "dev": {"@readers": "test-corpus.v1"}}
    training = {"max_steps": 1, "eval_frequency": 1, "before_to_disk": before_to_disk}
    nlp.config = nlp.config.merge({"corpora": corpora, "training": training})
    trained, _ = train(nlp, output, stdout=io.StringIO(), stderr=io.StringIO())
    assert trained is nlp
