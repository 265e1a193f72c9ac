"""The best of many against sorting them all."""

import pytest
import torch

from spacy_rnn.generation.topk import BLOCK, argmax_last, topk_blockwise


@pytest.mark.parametrize("pieces", [1, 7, BLOCK - 1, BLOCK, 3 * BLOCK, 20 * BLOCK + 5])
@pytest.mark.parametrize("hypotheses", [1, 5])
@pytest.mark.parametrize("number", [1, 10])
def test_the_best_are_those_of_all(pieces, hypotheses, number):
    scores = torch.randn(4, hypotheses, pieces)
    scores[torch.rand(scores.shape) < 0.3] = -torch.inf
    totals = torch.randn(4, hypotheses)
    totals[1, 1:] = -torch.inf
    best, parents, found = topk_blockwise(scores, totals, number)
    sums = (scores + totals[:, :, None]).flatten(1)
    torch.testing.assert_close(best, sums.topk(min(number, sums.shape[1]), dim=1).values)
    torch.testing.assert_close(sums.gather(1, parents * pieces + found), best)
    positions = [set(row) for row in (parents * pieces + found).tolist()]
    assert [len(row) for row in positions] == [best.shape[1]] * 4


def test_nothing_has_no_best():
    best, parents, found = topk_blockwise(torch.randn(0, 3, 200), torch.randn(0, 3), 6)
    assert best.shape == parents.shape == found.shape == (0, 6)


def test_the_highest_is_the_first_of_the_highest():
    scores = torch.randn(5, 2, 700).round()
    scores[1, 0, 600] = torch.nan
    scores[2] = -torch.inf
    found = argmax_last(scores)
    torch.testing.assert_close(found, scores.argmax(dim=2))
    assert found[1, 0] == 600
    assert argmax_last(scores[:0]).shape == (0, 2)
