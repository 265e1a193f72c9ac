"""Alignments: those of a plain loop over the same equations, and those that people would make."""

import math
from collections import Counter, defaultdict
from random import Random

import numpy as np
import pytest

from spacy_rnn.text import aligner
from spacy_rnn.text.aligner import (
    ITERATIONS,
    MIN_PROB,
    NULL_PRIOR,
    TENSION,
    UNSEEN,
    Aligner,
)

SIZES = 9, 8  # Pieces of the source and of the target vocabulary.


def make_pairs(number):
    random = Random(number)
    return [
        tuple([random.randrange(size) for _ in range(random.randint(1, 5))] for size in SIZES)
        for _ in range(number)
    ]


def posterior(source, target, probs, null):
    """Where each piece of a target comes from, and whether from nothing (Dyer et al. 2013)."""
    rows, nothing = [], []
    for j, piece in enumerate(target, 1):
        delta = [
            math.exp(-TENSION * abs(i / len(source) - j / len(target)))
            for i in range(1, len(source) + 1)
        ]
        joint = [
            (1 - NULL_PRIOR) * delta[i] / sum(delta) * probs[other, piece]
            for i, other in enumerate(source)
        ]
        alone = NULL_PRIOR * null[piece]
        rows.append([value / (sum(joint) + alone) for value in joint])
        nothing.append(alone / (sum(joint) + alone))
    return rows, nothing


def learn(pairs):
    """Expectation maximisation, cell by cell."""
    probs, null = defaultdict(lambda: 1.0), defaultdict(lambda: 1.0)
    for _ in range(ITERATIONS):
        counts, totals, null_counts = Counter(), Counter(), Counter()
        for source, target in pairs:
            rows, nothing = posterior(source, target, probs, null)
            for row, piece, alone in zip(rows, target, nothing, strict=True):
                null_counts[piece] += alone
                for other, value in zip(source, row, strict=True):
                    counts[other, piece] += value
                    totals[other] += value
        probs = {pair: count / totals[pair[0]] for pair, count in counts.items()}
        total = sum(null_counts.values())
        null = defaultdict(
            lambda: MIN_PROB,
            {piece: max(count / total, MIN_PROB) for piece, count in null_counts.items()},
        )
    return probs, null


def align(pairs, learned_from):
    """Align pairs by a plain implementation."""
    forward, null = learn(learned_from)
    backward, other_null = learn([pair[::-1] for pair in learned_from])
    kept = {pair for pair in forward if max(forward[pair], backward[pair[::-1]]) >= MIN_PROB}
    forward = defaultdict(lambda: UNSEEN, {pair: forward[pair] for pair in kept})
    backward = defaultdict(lambda: UNSEEN, {pair[::-1]: backward[pair[::-1]] for pair in kept})
    for source, target in pairs:
        there, _ = posterior(source, target, forward, null)
        back, _ = posterior(target, source, backward, other_null)
        links = np.sqrt(np.array(there) * np.array(back).T)
        yield links / np.maximum(1, links.sum(axis=1, keepdims=True))


def assert_are(weights, expected, atol=1e-6):
    """Whether padded weights are those expected, and zero at padding."""
    for row, links in zip(weights, expected, strict=True):
        padded = np.zeros_like(row)
        padded[: links.shape[0], : links.shape[1]] = links
        np.testing.assert_allclose(row, padded, atol=atol)


def test_it_learns_as_a_plain_loop_does():
    pairs = make_pairs(60)
    unseen = [([8, 1], [0, 7, 7]), ([0], [3]), ([2, 2, 2, 4, 5, 6], [1])]
    found = Aligner(pairs, *SIZES).align(*zip(*pairs, *unseen, strict=True))
    assert found.dtype == np.float32
    assert (found.sum(axis=2) <= 1 + 1e-6).all()
    assert_are(found, align(pairs + unseen, pairs))


def test_batches_and_order_change_nothing(monkeypatch):
    pairs = make_pairs(60)
    expected = Aligner(pairs, *SIZES).align(*zip(*pairs, strict=True))
    monkeypatch.setattr(aligner, "BATCH_CELLS", 30)
    other = Aligner(Random(0).sample(pairs, 60), *SIZES)
    np.testing.assert_allclose(other.align(*zip(*pairs, strict=True)), expected, atol=1e-6)
    alone = [other.align([source], [target])[0] for source, target in pairs]
    assert_are(expected, alone)


def test_translations_are_linked():
    """The first two words change places in half of the pairs, and an article has no source."""
    random = Random(0)
    article, pairs, orders = 40, [], []
    for _ in range(150):
        source = random.sample(range(20), random.randint(2, 5))
        order = list(range(len(source)))
        if random.random() < 0.5:
            order[:2] = 1, 0
        pairs.append((source, [article, *(source[place] + 20 for place in order)]))
        orders.append(order)
    weights = Aligner(pairs, 20, 41).align(*zip(*pairs, strict=True))
    for row, order in zip(weights, orders, strict=True):
        links = row[1 : len(order) + 1]
        assert links.argmax(axis=1).tolist() == order
        assert links.max(axis=1).min() > 0.5
        assert row[0].max() < links.max(axis=1).min()


def test_unseen_pieces_come_from_nothing():
    weights = Aligner([([1, 2], [3, 4])] * 5, 9, 9).align([[1, 8], [7]], [[3, 8], [6]])
    assert weights[0, 0, 0] > 0.5
    weights[0, 0, 0] = 0
    assert weights.max() < 1e-3


def test_texts_without_pieces_have_no_links():
    learned = Aligner([([1], [2]), ([], [2]), ([1], [])], 3, 3)
    plain = Aligner([([1], [2])], 3, 3).align([[1]], [[2]])
    weights = learned.align([[1], [], [1], []], [[2], [2], [], []])
    assert weights[:1].tolist() == plain.tolist()
    assert not weights[1:].any()
    assert learned.align([[], []], [[1, 2], []]).shape == (2, 2, 0)
    assert learned.align([[1]], [[]]).shape == (1, 0, 1)


@pytest.mark.parametrize("pairs", [[], [([], [1]), ([1], [])]])
def test_there_has_to_be_a_pair_of_pieces(pairs):
    with pytest.raises(ValueError, match=r"no pair of texts.*give some, or set guided_alignment"):
        Aligner(pairs, 3, 3)


def test_it_reads_no_more_pairs_than_fit_in_memory(monkeypatch):
    monkeypatch.setattr(aligner, "MAX_CELLS", 3 * 4)
    pairs = iter([([1, 2], [1]), ([], []), *[([1], [1, 2])] * 5])
    few = Aligner(pairs, 3, 3)
    assert len(list(pairs)) == 2  # The one that was too many has been read.
    all_of_them = Aligner([([1, 2], [1]), ([1], [1, 2]), ([1], [1, 2])], 3, 3)
    assert (few.align([[1, 2]], [[1, 2]]) == all_of_them.align([[1, 2]], [[1, 2]])).all()
