"""Which hypotheses a search goes on with."""

import pytest
import torch

from spacy_rnn.generation.state import SearchState


@pytest.mark.parametrize("shared", [True, False], ids=["with sentences", "without"])
@pytest.mark.parametrize("rows", [[0, 1, 2], [0, 2], [1], [], [0, 0, 1, 1, 2, 2]], ids=str)
@pytest.mark.parametrize(("before", "after"), [(1, 1), (1, 3), (3, 1), (3, 3)])
def test_selection_takes_the_parents_of_each_row(before, after, rows, shared):
    sentences = (torch.randn(3, 4),) if shared else ()
    hypotheses = torch.randn(3, before, 2), torch.randn(3, before)
    parents = torch.randint(before, (len(rows), after))
    chosen = SearchState(sentences, hypotheses).select(torch.tensor(rows).long(), parents)
    for part, own in zip(sentences, chosen.sentences, strict=True):
        assert own.tolist() == [part[row].tolist() for row in rows]
    for part, own in zip(hypotheses, chosen.hypotheses, strict=True):
        assert own.tolist() == [
            [part[row, parent].tolist() for parent in from_parents]
            for row, from_parents in zip(rows, parents.tolist(), strict=True)
        ]
