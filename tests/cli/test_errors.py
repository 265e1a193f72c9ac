"""Mistakes of users end with a message on standard error and its way out, not with a traceback."""

from pathlib import Path

import pytest
import spacy
from spacy.util import logger
from typer.testing import CliRunner

from spacy_rnn.cli.anomalies import read_known
from spacy_rnn.cli.app import app
from spacy_rnn.cli.outputs import check_outputs


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


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ("quantize model model", "model"),
        ("quantize model/../model link", "model"),
        ("quantize model/inner model", "model"),
        ("average model model lines.txt", "model"),
        ("average model other model", "model"),
        ("convert a.spacy a.spacy", "a.spacy"),
        ("convert lines.txt a.spacy a.spacy", "a.spacy"),
        ("convert lines.txt new.spacy --held-out new.spacy", "new.spacy"),
        ("convert a.spacy new.spacy --held-out a.spacy", "a.spacy"),
        ("distill model a.spacy a.spacy", "a.spacy"),
        ("distill model lines.txt a.spacy a.spacy", "a.spacy"),
        ("evaluate model lines.txt -o lines.txt", "lines.txt"),
        ("evaluate model a.spacy lines.txt -s lines.txt", "lines.txt"),
        ("evaluate model lines.txt -o new.json -s new.json", "new.json"),
        ("find-anomalies model lines.txt -o lines.txt", "lines.txt"),
        ("find-anomalies model lines.txt -k known.json -c known.json", "known.json"),
        ("report scores.json log.jsonl . -s report.md", "report.md"),
    ],
)
def test_what_is_read_is_not_written_over(tmp_path, monkeypatch, arguments, path):
    """Nor one output over another. The path may be spelled in any way."""
    monkeypatch.chdir(tmp_path)
    nlp = spacy.blank("en")
    for folder in ("model", "model/inner"):
        nlp.to_disk(folder)
    Path("link").symlink_to("model")
    texts = {"known.json": "{}", "scores.json": "{}", "log.jsonl": "", "report.md": "[]"}
    for name, text in {"lines.txt": "A line.", "a.spacy": "", **texts}.items():
        Path(name).write_text(text, encoding="utf8")
    before = read_files(tmp_path)
    result = CliRunner().invoke(app, arguments.split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{tmp_path / path} would be " in result.stderr
    assert f"name another {'folder' if path == 'model' else 'file'}" in result.stderr
    assert read_files(tmp_path) == before


def test_devices_may_be_written_often(tmp_path):
    """As may what is not there to be read, such as packages and data sets."""
    check_outputs(["/dev/null", "/dev/null", tmp_path / "new"], ["/dev/null", tmp_path / "new"])
    check_outputs([tmp_path / "new", None], [None, tmp_path])


def read_files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
