"""What of a teacher's translations is kept, against plain arithmetic."""

import math
from itertools import product

import numpy as np
import pytest

from spacy_rnn.training.distillation import apportion


def test_numbers_are_shared_in_proportion():
    assert apportion(np.log([0.7, 0.2, 0.05, 0.03, 0.02]), 5) == [4, 1, 0, 0, 0]
    assert apportion([-3.0], 4) == [4]
    assert apportion([-1.0, -1.0, -1.0], 4) == [2, 1, 1]


@pytest.mark.parametrize("number", [1, 2, 5])
def test_no_other_shares_are_closer_to_the_quotas(number):
    """The largest remainders: the sum of the absolute differences is the least possible."""
    random = np.random.default_rng(0)
    for _ in range(20):
        log_weights = random.normal(-2000.0, 2.0, 4)  # Whose exponentials are all 0.
        total = sum(math.exp(each - log_weights[0]) for each in log_weights)
        quotas = [number * math.exp(each - log_weights[0]) / total for each in log_weights]

        def distance(shares, quotas=quotas):
            return sum(abs(share - quota) for share, quota in zip(shares, quotas, strict=True))

        shares = apportion(log_weights, number)
        assert sum(shares) == number
        others = [each for each in product(range(number + 1), repeat=4) if sum(each) == number]
        assert distance(shares) == pytest.approx(min(map(distance, others)))
