"""The benchmarks run, on little data."""

import json
import re
from pathlib import Path

import pytest
from scratch_project import to_conllu

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "arguments",
    [
        [
            "encoders.py",
            "{dev}",
            "--limit",
            "8",
            "--rounds",
            "1",
            "--cells",
            "lstm",
            "--threads",
            "1",
        ],
        ["pipeline.py", "{dev}", "{dev}", "--steps", "2", "--rows", "rnn_tagger"],
        ["cells.py", "{dev}", "{dev}", "--steps", "1", "--cells", "ssru", "--pairs", "40"],
    ],
)
def test_benchmarks_run(arguments, run_python, tmp_path):
    script, *options = arguments
    dev = tmp_path / "dev.conllu"
    records = (
        (ROOT / "assets" / "phrasebook" / "dev.jsonl").read_text(encoding="utf8").splitlines()
    )
    dev.write_text("\n".join(to_conllu(json.loads(record)) for record in records), encoding="utf8")
    output = run_python(
        ROOT / "benchmarks" / script, *(option.format(dev=dev) for option in options)
    )
    assert "memory" in output


def test_tasks_are_compared(run_python, tmp_path):
    (tmp_path / "trec").mkdir()
    questions = [f"{'HUM:ind Who' if n % 2 else 'LOC:city Where'} is {n} ?" for n in range(560)]
    (tmp_path / "trec" / "train.txt").write_text("\n".join(questions), encoding="latin-1")
    script = ROOT / "benchmarks" / "tasks.py"
    output = run_python(script, tmp_path, "--tasks", "trec", "--rows", "rnn_textcat", "--steps", 2)
    assert re.search(r"trec +rnn_textcat +[\d.]+%", output)


def test_start_is_measured(run_python):
    output = run_python(ROOT / "benchmarks" / "startup.py", "--rounds", "1")
    assert re.fullmatch(r"with \d+ ms, without \d+ ms: [+-]\d+ ms\n", output)
