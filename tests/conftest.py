"""What the tests of every folder share."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from thinc.api import fix_random_seed

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Tiny matrices gain nothing from threads, and the last bits stay the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# What takes minutes begins at once, so that no process is left alone with it at the end.
LONGEST = (
    "test_project.py",
    "test_tutorials.py",
    "test_benchmarks.py",
    "test_pages.py",
    "test_stock_components.py",
)


def pytest_collection_modifyitems(items):
    order = {name: position for position, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(autouse=True)
def _seed():
    fix_random_seed(0)


@pytest.fixture
def root() -> Path:
    """The folder of the project's files: configs, assets, README."""
    return ROOT


@pytest.fixture
def run_python(tmp_path):
    """Run Python on arguments in a new process and an empty folder; give what it prints."""

    def run(*arguments: object, timeout: float = 300, cwd: Path = tmp_path, **env: str) -> str:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **env},
            timeout=timeout,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def documents():
    """Make random documents of given lengths, other ones at each call."""
    random = np.random.default_rng(0)

    def make(lengths, width=6):
        return [random.standard_normal((length, width), dtype="float32") for length in lengths]

    return make
