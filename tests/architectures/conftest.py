import numpy as np
import pytest


@pytest.fixture
def documents():
    """Make random documents of given lengths, other ones at each call."""
    random = np.random.default_rng(0)

    def make(lengths, width=6):
        return [random.standard_normal((length, width), dtype="float32") for length in lengths]

    return make
