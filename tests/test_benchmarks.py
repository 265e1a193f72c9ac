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


@pytest.fixture
def sentences(tmp_path):
    """Write sentences for the stored translator."""
    records = (
        (ROOT / "assets" / "phrasebook" / "dev.jsonl").read_text(encoding="utf8").splitlines()
    )
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(json.loads(record)["text"] for record in records), encoding="utf8")
    return path


STORED = ROOT / "tests" / "models" / "0.1.0" / "pipeline"


def test_sentences_and_batches_are_timed(run_python, sentences):
    script = ROOT / "benchmarks" / "latency.py"
    options = ["--limit", 3, "--rounds", 1, "--json"]
    rows = json.loads(run_python(script, sentences, STORED, STORED, *options))
    assert [row["beam"] for row in rows] == [1, 1, 5, 5]
    assert all(0 < row["p50 ms"] <= row["p95 ms"] for row in rows)


def test_batches_order_and_threads_change_no_translation(run_python, sentences):
    output = run_python(ROOT / "benchmarks" / "invariance.py", STORED, sentences, "--limit", 80)
    lines = output.splitlines()
    assert len(lines) == 3 * 4
    assert all(" 0 different texts" in line for line in lines)


def test_entities_are_projected_and_learned(run_python):
    script = ROOT / "benchmarks" / "projection.py"
    output = run_python(script, STORED, "--limit", 40, "--steps", 2)
    assert "of 300 sentences are translated as the reference is" in output
    assert re.findall(r"rnn_ner of (.*): F1 [\d.]+%", output) == ["projections", "the grammar"]


def test_alignments_are_compared_with_the_grammars(run_python):
    output = run_python(ROOT / "benchmarks" / "alignment.py", STORED)
    rows = [line.split()[-4:] for line in output.splitlines() if line.strip()]
    assert rows[0] == ["sentences", "AER", "precision", "recall"]
    aligner, attention = [[float(number) for number in row] for row in rows[2:]]
    assert aligner[0] == 300 >= attention[0] > 200
    assert 0 < aligner[1] < 5
    assert aligner[1] < attention[1] < 100


def test_tags_come_back_around_the_right_words(run_python):
    script = ROOT / "benchmarks" / "markup.py"
    output = run_python(script, STORED, "--limit", 100, "--rounds", 1)
    assert "100 texts" in output
    assert re.search(
        r" tags: 0 lost, 0 invented; \d+ pairs of elements: 0 not as they were", output
    )
    assert re.search(r"elements \([\d.]+%\) around exactly the right words", output)
    assert re.search(r"time .*: \d+\.\d\d$", output.strip())
