"""Mistakes of users end with a message on standard error and its way out, not with a traceback."""

import pytest
from spacy.util import logger
from typer.testing import CliRunner

from spacy_rnn.cli.anomalies import read_known
from spacy_rnn.cli.app import app


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert", "missing.tsv", "out.spacy"], "There is no file 'missing.tsv'"),
        (["convert", "lines.txt", "lines.txt", "out.json"], "'out.json' does not end with .spacy"),
        (["convert", "lines.txt"], "name the .spacy file to write last"),
        (["convert", "damaged.spacy", "out.spacy"], "damaged.spacy was not converted"),
        (["average", "out", "missing"], "Can't find model 'missing'"),
        (["evaluate", "missing", "lines.txt"], "Can't find model 'missing'"),
        (["evaluate", ".", "lines.txt"], "Could not read meta.json"),
        (["info", "missing"], "Can't find model 'missing'"),
        (["info", "."], "Could not read meta.json"),
        (["quantize", "missing", "out"], "Can't find model 'missing'"),
        (["translate", "missing", "lines.txt"], "Can't find model 'missing'"),
        (["find-anomalies", "missing", "lines.txt"], "Can't find model 'missing'"),
        (["report", "lines.txt", "lines.txt", "out"], "name the scores, then the log"),
        (["completion", "tcsh"], "choose one of bash"),
    ],
)
def test_messages(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.txt").write_text("A line.\n", encoding="utf8")
    (tmp_path / "damaged.spacy").write_bytes(b"damaged")
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, SystemExit)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


@pytest.fixture
def _log_level():
    """Take back the level that --verbose sets."""
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.mark.usefixtures("_log_level")
@pytest.mark.parametrize("verbose", [False, True])
def test_a_training_without_its_corpus(tmp_path, root, verbose):
    paths = ["--paths.train", str(tmp_path / "no.spacy"), "--paths.dev", "no.spacy"]
    arguments = ["train", str(root / "configs" / "tagger.cfg"), "--output", str(tmp_path), *paths]
    result = CliRunner().invoke(app, [*arguments, *["--verbose"] * verbose])
    assert result.exit_code == 1
    assert isinstance(result.exception, OSError if verbose else SystemExit)
    assert verbose or "no.spacy" in result.stderr


@pytest.mark.parametrize("text", ["[1]", "no JSON", '{"first": "reason"}'])
def test_known_anomalies_are_reasons_by_line(tmp_path, text):
    (tmp_path / "known.json").write_text(text, encoding="utf8")
    with pytest.raises(ValueError, match=r"known\.json holds no known anomalies"):
        read_known(tmp_path / "known.json")
