import numpy as np
import pytest
import torch
from thinc.api import fix_random_seed


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Tiny matrices gain nothing from threads, and the last bits stay the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _seed():
    fix_random_seed(0)


@pytest.fixture
def documents():
    """Make random documents of given lengths, other ones at each call."""
    random = np.random.default_rng(0)

    def make(lengths, width=6):
        return [random.standard_normal((length, width), dtype="float32") for length in lengths]

    return make
