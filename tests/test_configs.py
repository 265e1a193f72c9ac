"""The configs that are committed: complete, and fit for every command that reads one."""

import gzip
from itertools import islice
from pathlib import Path

import pytest
import spacy.cli  # noqa: F401 (has the commands)
from click.testing import CliRunner
from spacy.cli._util import app
from spacy.util import load_config
from typer.main import get_command

from spacy_rnn.cli.convert import convert

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(path.stem for path in (ROOT / "configs").glob("*.cfg"))
COMMANDS = ["debug config", "debug data", "debug model", "init fill-config"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Store a corpus of pairs with tags, entities and classes."""
    folder = tmp_path_factory.mktemp("data")
    with gzip.open(
        ROOT / "assets" / "phrasebook" / "train.jsonl.gz", "rt", encoding="utf8"
    ) as text:
        (folder / "train.jsonl").write_text("".join(islice(text, 700)), "utf8")
    convert(folder / "train.jsonl", None, folder / "train.spacy")
    return folder / "train.spacy"


def test_there_are_configs():
    assert {"phrasebook", "lm", "tagger"} <= set(CONFIGS)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_config_suits_every_command(name, command, data, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    path = ROOT / "configs" / f"{name}.cfg"
    config = load_config(path)
    (component,) = config["nlp"]["pipeline"]
    factory = config["components"][component]["factory"]
    arguments = [*command.split(), str(path)]
    if command == "init fill-config":
        arguments += [str(tmp_path / "filled.cfg"), "--diff"]
    else:
        arguments += [component, "-P0", "-P1", "-P2", "-P3"] if command == "debug model" else []
        if config["corpora"]["train"]["@readers"] == "spacy.Corpus.v1":
            arguments += ["--paths.train", str(data), "--paths.dev", str(data)]
        if factory == "rnn_translator":  # As many pieces as so small a corpus has.
            arguments += [f"--components.{component}.vocab_size", "600"]
    result = CliRunner().invoke(get_command(app), arguments)
    assert result.exit_code == 0, (result.exception, result.output)
    if command == "init fill-config":
        assert "No diff to show" in result.output
        assert load_config(tmp_path / "filled.cfg") == config
