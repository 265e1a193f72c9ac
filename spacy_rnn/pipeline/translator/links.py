"""The alignment of the tokens of a document and of its translation."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from spacy.attrs import IDX, LENGTH
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
    _, source_ends = _ranges(doc)
    starts, ends = _ranges(target)
    weights: defaultdict[tuple[int, int], float] = defaultdict(float)
    # Characters of each token. Bytes of one character are pieces that share it.
    covered = [0] * len(target)
    for aligned in alignment:
        start, end, positions = aligned["start"], aligned["end"], aligned["source"]
        found = [(bisect_left(source_ends, each["end"]), each["weight"]) for each in positions]
        for token in range(bisect_right(ends, start), bisect_left(starts, end)):
            length = min(end, ends[token]) - max(start, starts[token])
            covered[token] += length
            for source, weight in found:
                weights[token, min(source, len(source_ends) - 1)] += length * weight
    pairs = sorted(weights)
    targets, sources = np.array(pairs, np.int64).reshape(-1, 2).T
    shares = [weights[pair] / covered[pair[0]] for pair in pairs]
    return Links(targets, sources, np.array(shares, float), len(target))


def _ranges(doc: Doc) -> tuple[list[int], list[int]]:
    """Return the first characters of tokens, and those after their last."""
    starts, lengths = doc.to_array([IDX, LENGTH]).astype(np.int64).T
    return starts.tolist(), (starts + lengths).tolist()


def _align_copies(doc: Doc, copies: Sequence[dict]) -> Iterator[dict]:
    """Align the parts of copied text that are tokens of the source, as pieces are."""
    _, ends = _ranges(doc)
    for copied in copies:
        shift = copied["start"] - copied["source"]
        for token in doc[bisect_right(ends, copied["source"]) :]:
            start = max(token.idx + shift, copied["start"])
            end = min(ends[token.i] + shift, copied["end"])
            if start >= end:
                break
            source = {"start": token.idx, "end": ends[token.i], "weight": 1.0}
            yield {"start": start, "end": end, "source": [source]}


def _strongest(tokens: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Find the weight of the strongest link of each token."""
    strongest = np.zeros(tokens.max(initial=-1) + 1)
    np.maximum.at(strongest, tokens, weights)
    return strongest
