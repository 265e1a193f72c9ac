"""Alignments of the pieces of pairs of texts, learned from these pairs alone.

IBM model 2 with a prior that prefers the diagonal (Dyer et al. 2013, "A Simple, Fast, and
Effective Reparameterization of IBM Model 2"), by expectation maximisation, in both directions.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..batching import batch_by_length

Pieces = Sequence[int] | np.ndarray

ITERATIONS = 5
NULL_PRIOR = 0.08
"""The probability that a piece comes from nothing in the other text."""
TENSION = 4.0
"""How much less probable alignments off the diagonal are, lambda in the paper."""
MIN_PROB = 1e-4
"""The least probability of a piece, given another one, that is kept."""
UNSEEN = 1e-9
"""The probability of all others: so low that a piece rather comes from nothing."""
MAX_CELLS = 40_000_000
"""Pairs of pieces to learn from: some 1 GB, and 200,000 pairs of sentences of 14 pieces."""
BATCH_CELLS = 500_000
"""Pairs of pieces that are computed at once."""
BITS = 32
"""Bits of the target piece in the number of a pair of pieces."""


class Aligner:
    """Aligns the pieces of pairs of texts.

    pairs (Iterable[tuple[Pieces, Pieces]]): The pieces of sources and targets to learn from. Once
        these have `MAX_CELLS` pairs of pieces, no more are read.
    source_size (int): The size of the source vocabulary.
    target_size (int): The size of the target vocabulary.
    RAISES (ValueError): If there are no pairs of pieces.
    """

    def __init__(self, pairs: Iterable[tuple[Pieces, Pieces]], source_size: int, target_size: int):
        batches = list(_batch_pairs(pairs))
        if not batches:
            raise ValueError(
                "There is no pair of texts with pieces on both sides to learn alignments from: "
                "give some, or set guided_alignment to 0"
            )
        keys, places = _number_all(batches)
        forward = _learn(batches, places, keys >> BITS, target_size)
        backward = _learn(
            [batch.swap() for batch in batches],
            [place.swapaxes(1, 2) for place in places],
            keys & (2**BITS - 1),
            source_size,
        )
        kept = np.maximum(forward.probs, backward.probs) >= MIN_PROB
        self._keys = keys[kept]
        self._forward, self._backward = (
            _Lexicon(np.append(each.probs[kept], UNSEEN), each.null)
            for each in (forward, backward)
        )

    def align(self, sources: Sequence[Pieces], targets: Sequence[Pieces]) -> np.ndarray:
        """Align the pieces of pairs of texts.

        A link is the geometric mean of its probabilities in both directions.

        sources (Sequence[Pieces]): The pieces of each source.
        targets (Sequence[Pieces]): The pieces of its target.
        RETURNS (np.ndarray): For each piece of a target a weight for each piece of its source,
            float32 of `(pairs, longest target, longest source)`: zero at padding, with a sum of at
            most 1, near 0 for a piece that seems to come from nothing.
        """
        pairs = _pad_pairs(list(zip(sources, targets, strict=True)))
        numbers, unknown = pairs.number(), len(self._keys)
        places = np.searchsorted(self._keys, numbers)
        is_known = self._keys[np.minimum(places, unknown - 1)] == numbers
        places = np.where(is_known, places, unknown)
        forward, _ = pairs.link(places, self._forward)
        backward, _ = pairs.swap().link(places.swapaxes(1, 2), self._backward)
        links = np.sqrt(forward * backward.swapaxes(1, 2))
        return (links / np.maximum(links.sum(axis=2, keepdims=True), 1)).astype(np.float32)


class _Lexicon(NamedTuple):
    """The probabilities of pieces of a target, given those that they come from.

    probs (np.ndarray): That of each pair of pieces, `(pairs of pieces,)`.
    null (np.ndarray): That of each piece to come from nothing, `(target_size,)`.
    """

    probs: np.ndarray
    null: np.ndarray


class _Pairs(NamedTuple):
    """A batch of pairs of texts, padded with zeros.

    sources (np.ndarray): The pieces of the sources, `(pairs, longest source)`.
    targets (np.ndarray): The pieces of the targets, `(pairs, longest target)`.
    source_lengths (np.ndarray): The pieces of each source, `(pairs, 1)`.
    target_lengths (np.ndarray): The pieces of each target, `(pairs, 1)`.
    """

    sources: np.ndarray
    targets: np.ndarray
    source_lengths: np.ndarray
    target_lengths: np.ndarray

    def swap(self) -> "_Pairs":
        """Return the same pairs in the other direction."""
        return _Pairs(self.targets, self.sources, self.target_lengths, self.source_lengths)

    def number(self) -> np.ndarray:
        """Return a number for each pair of pieces, `(pairs, targets, sources)`."""
        return (self.sources[:, None, :] << BITS) + self.targets[:, :, None]

    def link(self, places: np.ndarray, lexicon: _Lexicon) -> tuple[np.ndarray, np.ndarray]:
        """Compute the probabilities of what each piece of the targets comes from.

        places (np.ndarray): Where the lexicon has each pair of pieces,
            `(pairs, targets, sources)`.
        lexicon (_Lexicon): The lexicon.
        RETURNS (tuple[np.ndarray, np.ndarray]): The probabilities of the pieces of the sources,
            `(pairs, targets, sources)`, and of nothing, `(pairs, targets)`; zero at padding.
        """
        source, target = (np.arange(1, part.shape[1] + 1) for part in (self.sources, self.targets))
        source_places = source / np.maximum(self.source_lengths, 1)
        target_places = target / np.maximum(self.target_lengths, 1)
        prior = np.exp(-TENSION * np.abs(target_places[:, :, None] - source_places[:, None, :]))
        prior *= (source <= self.source_lengths)[:, None, :]
        is_target = target <= self.target_lengths
        share = (1 - NULL_PRIOR) * is_target / _divisor(prior.sum(axis=2))
        links = prior * share[:, :, None] * lexicon.probs[places]
        nothing = NULL_PRIOR * is_target * lexicon.null[self.targets]
        total = _divisor(links.sum(axis=2) + nothing)
        return links / total[:, :, None], nothing / total


def _number_all(batches: Sequence[_Pairs]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Find all pairs of pieces.

    batches (Sequence[_Pairs]): The pairs of texts.
    RETURNS (tuple[np.ndarray, list[np.ndarray]]): The numbers of the pairs of pieces, sorted; and
        for each batch the index of each of its pairs of pieces, `(pairs, targets, sources)`.
    """
    found = []
    for batch in batches:  # One by one, as a copy of all numbers takes much memory.
        numbers = batch.number()
        own, places = np.unique(numbers, return_inverse=True)
        found.append((own, places.reshape(numbers.shape).astype(np.int32)))
    keys, indices = np.unique(np.concatenate([own for own, _ in found]), return_inverse=True)
    ends = np.cumsum([len(own) for own, _ in found])
    parts = np.split(indices.astype(np.int32), ends[:-1])
    return keys, [part[places] for part, (_, places) in zip(parts, found, strict=True)]


def _learn(
    batches: Sequence[_Pairs], places: Sequence[np.ndarray], sources: np.ndarray, target_size: int
) -> _Lexicon:
    """Learn probabilities, beginning with equal ones.

    batches (Sequence[_Pairs]): The pairs of texts.
    places (Sequence[np.ndarray]): For each batch the index of each pair of pieces,
        `(pairs, targets, sources)`.
    sources (np.ndarray): The source piece of each pair of pieces, by index.
    target_size (int): The size of the target vocabulary.
    RETURNS (_Lexicon): The probabilities.
    """
    lexicon = _Lexicon(np.ones(len(sources)), np.ones(target_size))
    for _ in range(ITERATIONS):
        counts, null_counts = np.zeros(len(sources)), np.zeros(target_size)
        for batch, place in zip(batches, places, strict=True):
            links, nothing = batch.link(place, lexicon)
            counts += np.bincount(place.ravel(), links.ravel(), len(counts))
            null_counts += np.bincount(batch.targets.ravel(), nothing.ravel(), target_size)
        totals = _divisor(np.bincount(sources, counts))
        lexicon = _Lexicon(
            counts / totals[sources], np.maximum(null_counts / null_counts.sum(), MIN_PROB)
        )
    return lexicon


def _batch_pairs(pairs: Iterable[tuple[Pieces, Pieces]]) -> Iterator[_Pairs]:
    """Pad pairs of similar sizes together, if they have any pieces on both sides."""
    chosen: list[tuple[Pieces, Pieces]] = []
    sizes: list[int] = []
    cells = 0
    for source, target in pairs:
        if not len(source) or not len(target):
            continue
        # With padding, of whichever side it is.
        size = max(len(source), len(target)) ** 2
        cells += size
        if chosen and cells > MAX_CELLS:
            break
        chosen.append((source, target))
        sizes.append(size)
    for batch in batch_by_length(sizes, BATCH_CELLS):
        yield _pad_pairs([chosen[index] for index in batch])


def _pad_pairs(pairs: Sequence[tuple[Pieces, Pieces]]) -> _Pairs:
    sources, targets = zip(*pairs, strict=True)
    lengths = [np.array([[len(pieces)] for pieces in side]) for side in (sources, targets)]
    padded = []
    for side, own in zip((sources, targets), lengths, strict=True):
        rows = np.zeros((len(side), int(own.max())), np.int64)
        rows[np.arange(rows.shape[1]) < own] = np.concatenate(side)
        padded.append(rows)
    return _Pairs(*padded, *lengths)


def _divisor(sums: np.ndarray) -> np.ndarray:
    """Return sums to divide by, with ones for those that are zero since nothing was added."""
    return np.where(sums > 0, sums, 1)
