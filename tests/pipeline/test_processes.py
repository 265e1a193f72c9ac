"""Workers that predict side by side, and the memory that it takes."""

import json
import multiprocessing
import sys

import pytest
from new_process import run_script
from stock_pipelines import ENCODERS, LONG_TEXT, TEXTS, assert_same, record

needs_fork = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks here"
)


@pytest.fixture
def expected(trained):
    """What one process predicts."""
    return lambda texts: [record(doc) for doc in trained("bilstm", "shared").pipe(texts)]


@pytest.mark.parametrize(
    ("start_method", "long"),
    [
        pytest.param("fork", 0, marks=needs_fork),
        pytest.param("fork", 2, marks=needs_fork),
        pytest.param("spawn", 0),
    ],
)
def test_two_processes_predict_the_same(stored, expected, start_method, long):
    path = stored("bilstm", "shared")
    output = run_script("child_pipe.py", path, start_method, str(long), timeout=45)
    assert_same(json.loads(output), expected([*TEXTS, *[LONG_TEXT] * long]))


@needs_fork
def test_a_forked_worker_loads_and_predicts(stored, expected):
    output = run_script("child_load_in_worker.py", stored("bilstm", "shared"), timeout=45)
    assert_same(json.loads(output), expected(TEXTS))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_longest_document(stored):
    """Padded to the longest document, what comes in would take 3.2 GB by itself."""
    paths = [stored(encoder, "tagger") for encoder in ENCODERS]
    growth = json.loads(run_script("child_memory.py", *paths))
    assert max(growth) < 300e6, dict(zip(ENCODERS, growth, strict=True))
