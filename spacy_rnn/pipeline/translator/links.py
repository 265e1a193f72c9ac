"""The alignment of the tokens of a document and of its translation."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from spacy.tokens import Doc

LINKED = 0.5
"""The least share of the strongest link's weight."""
GROWN = 0.1
"""The least weight of the only link of a token of the source: those that nothing translates often
have a little, too."""


class Links(NamedTuple):
    """The alignment of tokens, without links of no weight. Each pair of tokens is there once.

    targets (np.ndarray): The token of the translation, `(links,)`, in ascending order.
    sources (np.ndarray): The token of the source, `(links,)`.
    weights (np.ndarray): The weight, `(links,)`. Those of a token of the translation add up to at
        most 1.
    number (int): The tokens of the translation.
    """

    targets: np.ndarray
    sources: np.ndarray
    weights: np.ndarray
    number: int

    def keep_strong(self) -> "Links":
        """Leave out the links that are weak beside others of the same tokens.

        A link stays if it has at least `LINKED` of the weight of the strongest one, both of its
        token of the translation and of its token of the source. A token of the source that has
        none then takes its strongest one, if that has at least `GROWN`: the intersection of both
        directions, grown by what it leaves out (Och and Ney 2003; Koehn et al. 2003).

        RETURNS (Links): The others.
        """
        of_target = _strongest(self.targets, self.weights)[self.targets]
        of_source = _strongest(self.sources, self.weights)[self.sources]
        is_kept = self.weights >= LINKED * np.maximum(of_target, of_source)
        is_grown = (self.weights == of_source) & (self.weights >= GROWN)
        is_kept |= is_grown & ~np.isin(self.sources, self.sources[is_kept])
        targets, sources, weights = (column[is_kept] for column in self[:3])
        return Links(targets, sources, weights, self.number)

    def gains(self, inside: np.ndarray) -> np.ndarray:
        """Give the weight of links into a part of the source, less that of all others.

        inside (np.ndarray): Whether a token of the source is in that part, `(source tokens,)`.
        RETURNS (np.ndarray): A number for each token of the translation, `(number,)`.
        """
        signs = np.where(inside[self.sources], 1.0, -1.0)
        return np.bincount(self.targets, self.weights * signs, self.number)


def link_tokens(doc: Doc, target: Doc, translation: dict) -> Links:
    """Join the alignment of pieces to one of tokens. Copied text is aligned with itself.

    The tokens of the source are found anew, by their characters: a component after the translator
    may have merged or split some.

    doc (Doc): The source.
    target (Doc): The translation.
    translation (dict): What `doc._.translations` has of it: "alignment" and, if any, "copied".
    RETURNS (Links): The links. The weights of a token are the mean over its characters.
    """
    alignment = [*translation["alignment"], *_align_copies(doc, translation.get("copied", []))]
    pieces, tokens, shares = _share_tokens(target, alignment)
    counts = np.array([len(aligned["source"]) for aligned in alignment], np.int64)
    positions = [position for aligned in alignment for position in aligned["source"]]
    _, token_ends = _ranges((token.idx, token.idx + len(token)) for token in doc)
    ends = np.array([position["end"] for position in positions], np.int64)
    sources = np.minimum(np.searchsorted(token_ends, ends), max(len(doc) - 1, 0))
    weights = np.array([position["weight"] for position in positions], float)
    # All positions of a piece, for each token that it has a part in.
    firsts = (counts.cumsum() - counts)[pieces]
    chosen = _enumerate_ranges(firsts, counts[pieces])
    tokens, shares = (np.repeat(each, counts[pieces]) for each in (tokens, shares))
    pairs, places = np.unique(tokens * len(doc) + sources[chosen], return_inverse=True)
    weights = np.bincount(places, shares * weights[chosen], len(pairs))
    return Links(*np.divmod(pairs, max(len(doc), 1)), weights, len(target))


def _align_copies(doc: Doc, copies: Sequence[dict]) -> Iterator[dict]:
    """Align the parts of copied text that are tokens of the source, as pieces are."""
    ends = [token.idx + len(token) for token in doc] if copies else []
    for copied in copies:
        shift = copied["start"] - copied["source"]
        for token in doc[bisect_right(ends, copied["source"]) :]:
            start = max(token.idx + shift, copied["start"])
            end = min(ends[token.i] + shift, copied["end"])
            if start >= end:
                break
            source = {"start": token.idx, "end": ends[token.i], "weight": 1.0}
            yield {"start": start, "end": end, "source": [source]}


def _share_tokens(
    target: Doc, alignment: Sequence[dict]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find which share of each token is that of which piece.

    Bytes of one character are pieces that share it.

    RETURNS (tuple[np.ndarray, np.ndarray, np.ndarray]): For each pair the piece, the token and the
        share, `(pairs,)` each.
    """
    starts, ends = _ranges((aligned["start"], aligned["end"]) for aligned in alignment)
    lengths = np.maximum(ends - starts, 0)
    # For each character of a piece: its position, and the index of the piece.
    characters = _enumerate_ranges(starts, lengths)
    pieces = np.repeat(np.arange(len(alignment)), lengths)
    token_starts, token_ends = _ranges((token.idx, token.idx + len(token)) for token in target)
    tokens = np.searchsorted(token_ends, characters, side="right")
    is_inside = tokens < len(target)
    is_inside[is_inside] = characters[is_inside] >= token_starts[tokens[is_inside]]
    pairs, counts = np.unique(
        pieces[is_inside] * max(len(target), 1) + tokens[is_inside], return_counts=True
    )
    pieces, tokens = np.divmod(pairs, max(len(target), 1))
    return pieces, tokens, counts / np.bincount(tokens, counts, len(target))[tokens]


def _strongest(tokens: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Find the weight of the strongest link of each token."""
    strongest = np.zeros(tokens.max(initial=-1) + 1)
    np.maximum.at(strongest, tokens, weights)
    return strongest


def _ranges(ranges: Iterable[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    starts, ends = np.array([*ranges], np.int64).reshape(-1, 2).T
    return starts, ends


def _enumerate_ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """List the numbers of ranges, one range after the other."""
    before = lengths.cumsum() - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
