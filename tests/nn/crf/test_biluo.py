"""Tags against spaCy's own reading of them."""

from itertools import pairwise, product

import numpy as np
import pytest
from spacy.tokens import Doc
from spacy.training import biluo_tags_to_spans
from spacy.vocab import Vocab

from spacy_rnn.nn.crf.biluo import biluo_constraints, find_spans

LABELS = "XY"
NAMES = ["O", *(f"{kind}-{label}" for label in LABELS for kind in "BILU")]


def follows(constraints, path):
    return bool(
        constraints.start[path[0]]
        and constraints.end[path[-1]]
        and all(constraints.transitions[pair] for pair in pairwise(path))
    )


def count_sets(words):
    """Count the ways to mark spans of two labels: the first word is out, or in one of them."""
    if words == 0:
        return 1
    lengths = range(1, words + 1)
    inside = sum(len(LABELS) * count_sets(words - length) for length in lengths)
    return count_sets(words - 1) + inside


@pytest.mark.parametrize("words", [1, 2, 3, 4])
def test_each_sequence_of_tags_is_one_set_of_spans(words):
    constraints = biluo_constraints(len(NAMES))
    paths = [
        path for path in product(range(len(NAMES)), repeat=words) if follows(constraints, path)
    ]
    doc = Doc(Vocab(), words=["word"] * words)
    sets = set()
    for path in paths:
        starts, ends, types = find_spans(np.array(path))
        labels = [LABELS[each] for each in types]
        found = tuple(zip(starts.tolist(), ends.tolist(), labels, strict=True))
        expected = biluo_tags_to_spans(doc, [NAMES[tag] for tag in path])
        assert found == tuple((span.start, span.end, span.label_) for span in expected)
        sets.add(found)
    assert len(sets) == len(paths) == count_sets(words)


def test_spans_of_documents_in_a_row_are_found():
    starts, ends, types = find_spans(np.array([4, 4, 0, 1, 2, 3, 5, 7]))
    assert starts.tolist() == [0, 1, 3, 6]
    assert ends.tolist() == [1, 2, 6, 8]
    assert types.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("tags", [0, 2, 4, 7])
def test_wrong_numbers_of_tags_are_an_error(tags):
    with pytest.raises(ValueError, match=f"There are {tags} tags"):
        biluo_constraints(tags)
