"""`spacy rnn train` as it is typed: killed, resumed, refused."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from stock_pipelines import ENCODERS, make_pipeline, write_config

# The first time, the process ends in the middle of a step.
CODE = """
import os, signal
from pathlib import Path
import spacy

@spacy.registry.callbacks("kill_once.v1")
def make():
    def kill_once(nlp, step):
        if step["step"] == 7 and not Path("killed").exists():
            Path("killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return kill_once
"""


@pytest.fixture
def train(tmp_path):
    """Run the command on a small tagger; give its exit status and output."""
    nlp = make_pipeline(["tagger"], ENCODERS["bilstm"])
    settings = {
        "training": {
            "max_steps": 10,
            "eval_frequency": 3,
            "before_update": {"@callbacks": "kill_once.v1"},
        }
    }
    write_config(nlp, tmp_path, settings)
    (tmp_path / "code.py").write_text(CODE, encoding="utf8")

    def run(*arguments: str) -> tuple[int, str]:
        command = ["-m", "spacy", "rnn", "train", "config.cfg", "--code", "code.py", *arguments]
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            encoding="utf8",
        )
        return done.returncode, done.stdout + done.stderr

    return run


def read(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
def test_a_killed_training_is_resumed(train, tmp_path):
    resumed = ("--output", "resumed", "--resume", "--training.dropout", "0.25")
    status, output = train(*resumed)
    assert status == -signal.SIGKILL
    assert "No checkpoint in resumed" in output
    assert spacy.load(tmp_path / "resumed" / "model-last")

    status, output = train("--output", "resumed", "--resume", "--training.dropout", "0.5")
    assert status == 1
    assert "training.dropout is 0.5, and was 0.25" in output

    status, output = train(*resumed)
    assert status == 0, output
    assert "Resuming after 7 steps" in output
    status, output = train("--output", "whole", "--training.dropout", "0.25")
    assert status == 0, output
    for model in ("model-last", "model-best"):
        assert read(tmp_path / "resumed" / model) == read(tmp_path / "whole" / model)
