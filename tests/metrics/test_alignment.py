"""The error rate of alignments is that of its definition."""

from itertools import product

import numpy as np
import pytest

from spacy_rnn.metrics.alignment import AlignmentScore


def test_score_of_an_example_of_nltk():
    """That of its `alignment_error_rate`: one link of three is right."""
    score = AlignmentScore()
    score.add([(0, 0), (1, 2), (2, 1)], {(0, 0), (1, 1), (2, 2)})
    assert score.error_rate == pytest.approx(2 / 3)
    assert score.precision == score.recall == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", range(10))
def test_scores_are_those_of_plain_loops_over_all_pairs(seed):
    rng = np.random.default_rng(seed)
    score = AlignmentScore()
    found = known = right = accepted = 0
    for _ in range(3):
        chosen, sure, possible = rng.random((3, 4, 5)) < 0.3
        possible |= sure
        for i, j in product(range(4), range(5)):
            found += chosen[i, j]
            known += sure[i, j]
            right += chosen[i, j] and sure[i, j]
            accepted += chosen[i, j] and possible[i, j]
        links, certain, others = (
            {*zip(*map(np.ndarray.tolist, table.nonzero()), strict=True)}
            for table in (chosen, sure, possible)
        )
        score.add(links, certain, others)
    assert score.precision == pytest.approx(accepted / found)
    assert score.recall == pytest.approx(right / known)
    assert score.error_rate == pytest.approx(1 - (right + accepted) / (found + known))


def test_possible_links_are_neither_wrong_nor_missing():
    score = AlignmentScore()
    score.add({(0, 0), (1, 1)}, {(0, 0)}, {(1, 1), (1, 2)})
    assert (score.precision, score.recall, score.error_rate) == (1, 1, 0)


def test_without_links_there_is_no_error():
    assert AlignmentScore().error_rate == 0
