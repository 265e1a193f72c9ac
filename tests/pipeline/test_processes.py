"""Workers that predict side by side, and the memory that it takes."""

import json
import sys

import pytest
from needs import needs_fork
from new_process import run_script
from stock_pipelines import ENCODERS, LONG_TEXT, TEXTS, assert_same, record


@pytest.fixture
def expected(trained):
    """What one process predicts."""
    return lambda encoder, texts: [record(doc) for doc in trained(encoder, "shared").pipe(texts)]


@pytest.mark.parametrize(
    ("start_method", "long", "encoders"),
    [
        pytest.param("fork", 0, list(ENCODERS), marks=needs_fork, id="fork"),
        pytest.param("fork", 2, list(ENCODERS), marks=needs_fork, id="fork, long texts"),
        pytest.param("forkserver", 0, ["bilstm"], marks=needs_fork, id="forkserver"),
        pytest.param("spawn", 0, ["bilstm"], id="spawn"),
    ],
)
def test_two_processes_predict_the_same(stored, expected, start_method, long, encoders):
    paths = [stored(encoder, "shared") for encoder in encoders]
    output = run_script("child_pipe.py", start_method, str(long), *paths, timeout=60)
    for encoder, predictions in zip(encoders, json.loads(output), strict=True):
        assert_same(predictions, expected(encoder, [*TEXTS, *[LONG_TEXT] * long]))


@pytest.mark.parametrize(
    "start_method",
    [
        pytest.param("fork", marks=needs_fork),
        pytest.param("forkserver", marks=needs_fork),
        "spawn",
    ],
)
def test_a_worker_loads_and_predicts_on_one_thread(stored, expected, start_method):
    path = stored("bilstm", "shared")
    output = run_script("child_load_in_worker.py", start_method, path, timeout=60)
    threads, predictions = json.loads(output)
    assert threads == 1
    assert_same(predictions, expected("bilstm", TEXTS))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_longest_document(stored):
    """Padded to the longest document, what comes in would take 3.2 GB by itself."""
    paths = [stored(encoder, "tagger") for encoder in ENCODERS]
    growth = json.loads(run_script("child_memory.py", *paths))
    assert sum(growth) < 300e6, dict(zip(ENCODERS, growth, strict=True))
