"""Completion, as shells ask for it."""

import os
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from spacy_rnn.cli.app import app
from spacy_rnn.cli.completion import SHELLS, make_script

VARIABLE = "_PYTHON _M SPACY_COMPLETE"


def complete(line):
    words = line.split(" ")
    environment = {
        VARIABLE: "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "spacy"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("spacy rnn e", ["evaluate"]),
        ("spacy rnn translate --b", ["--beam-width", "--batch-size"]),
        ("spacy rnn report ", []),  # The shell completes paths.
    ],
)
def test_commands_and_options_are_completed(line, found):
    assert complete(line) == found


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_name_the_variable_that_spacy_reads(shell):
    result = CliRunner().invoke(app, ["completion", shell])
    assert result.exit_code == 0
    assert VARIABLE in result.stdout.replace("\\ ", " ")


def test_other_shells_are_refused():
    result = CliRunner().invoke(app, ["completion", "tcsh"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "choose one of bash" in result.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_asks_by_the_script(tmp_path):
    """With a command in the place of spaCy's that says what it is asked."""
    asked = tmp_path / "spacy"
    names = ("COMP_WORDS", "COMP_CWORD", VARIABLE)
    asked.write_text(
        f"#!{sys.executable}\nimport os\nprint([os.environ[name] for name in {names}])\n", "utf8"
    )
    asked.chmod(0o755)
    script = make_script("bash") + (
        "\nCOMP_WORDS=(spacy rnn tr); COMP_CWORD=2; _spacy_completion spacy"
        '\nprintf "%s\\n" "${COMPREPLY[@]}"; complete -p spacy'
    )
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    answer, registered = done.stdout.splitlines()
    assert answer == str(["spacy\nrnn\ntr", "2", "complete_bash"])
    assert registered == "complete -o default -F _spacy_completion spacy"
