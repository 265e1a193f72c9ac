"""Stand-ins: short words that a translator reads and writes in place of text that it keeps.

The network has hardly seen such text in training, and would go astray in its many pieces. A number
it has seen, and knows how to copy. The search makes sure that each is written once.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from string import ascii_uppercase
from typing import TYPE_CHECKING, NamedTuple

from ...text.subwords import Subwords

if TYPE_CHECKING:
    from ...generation.state import Hypothesis

CharRange = tuple[int, int]
"""The first character, and the one after the last."""

WORDS = (
    *"7983654",
    *map(str, range(21, 100)),
    *(f"X{letter}" for letter in ascii_uppercase),
    *reversed(ascii_uppercase),
)
"""Words to choose from: the first that a vocabulary has pieces for, and not only bytes."""


@lru_cache(maxsize=16)
def _find_words(source: Subwords, target: Subwords) -> list[str]:
    """Find the words that both vocabularies have pieces for."""
    return [
        word
        for word in WORDS
        if all(subwords.has_pieces_for(word) for subwords in (source, target))
    ]


class StandIn(NamedTuple):
    """Part of a passage, and the word in its place.

    start (int): Its first character in the passage.
    end (int): The character after its last.
    text (str): Its text.
    word (str): The word that stands in for it.
    """

    start: int
    end: int
    text: str
    word: str


def choose_stand_ins(
    text: str, ranges: Iterable[CharRange], avoid: str, source: Subwords, target: Subwords
) -> list[StandIn]:
    """Choose a word for each part of a text that is to be kept.

    text (str): The text.
    ranges (Iterable[CharRange]): The parts, in order.
    avoid (str): More text that the words must not occur in.
    source (Subwords): The source vocabulary.
    target (Subwords): The target vocabulary.
    RETURNS (list[StandIn]): The stand-ins: of the first parts, where there are too many.
    """
    taken = set(re.findall(r"\w+", f"{text} {avoid}"))
    words = (word for word in _find_words(source, target) if word not in taken)
    return [
        StandIn(start, end, text[start:end], word)
        for (start, end), word in zip(ranges, words, strict=False)
    ]


def write_stand_ins(text: str, stand_ins: Sequence[StandIn]) -> str:
    """Write stand-ins into a text.

    text (str): The text.
    stand_ins (Sequence[StandIn]): The stand-ins, in order.
    RETURNS (str): The text that the translator reads.
    """
    for stand_in in reversed(stand_ins):
        text = text[: stand_in.start] + stand_in.word + text[stand_in.end :]
    return text


def to_source(ranges: Iterable[CharRange], stand_ins: Sequence[StandIn]) -> list[CharRange]:
    """Find the characters that ranges of a text with stand-ins stand for.

    ranges (Iterable[CharRange]): The ranges, of the text that the translator reads.
    stand_ins (Sequence[StandIn]): The stand-ins, in order.
    RETURNS (list[CharRange]): The ranges in the text itself. What touches a stand-in has all of
        the part that it stands in for.
    """
    found = []
    for start, end in ranges:
        first, last, shift = start, end, 0
        for stand_in in stand_ins:
            begin = stand_in.start + shift
            stop = begin + len(stand_in.word)
            shift += len(stand_in.word) - (stand_in.end - stand_in.start)
            if start >= stop:
                first = start - shift
            elif start > begin:
                first = stand_in.start
            if end >= stop:
                last = end - shift
            elif end > begin:
                last = stand_in.end
        found.append((first, last))
    return found


def restore(
    hypothesis: "Hypothesis", stand_ins: Sequence[StandIn], subwords: Subwords
) -> "Hypothesis":
    """Write the text that is kept in place of its stand-ins.

    The pieces of such a text share the alignment of the word that stood in for it. The first has
    its log-probability, the others one of 0.

    hypothesis (Hypothesis): The translation.
    stand_ins (Sequence[StandIn]): The stand-ins.
    subwords (Subwords): The target vocabulary.
    RETURNS (Hypothesis): The translation with all text.
    """
    for stand_in in stand_ins:
        hypothesis = _restore(hypothesis, stand_in, subwords)
    return hypothesis


def _restore(hypothesis: "Hypothesis", stand_in: StandIn, subwords: Subwords) -> "Hypothesis":
    (text,) = subwords.decode([hypothesis.pieces])
    found = re.search(rf"(?<!\w){re.escape(stand_in.word)}(?!\w)", text)
    if found is None:
        return hypothesis
    ranges = subwords.char_ranges(hypothesis.pieces)
    of_word = [
        index
        for index, (start, end) in enumerate(ranges)
        if start < found.end() and found.start() < end
    ]
    first, last = of_word[0], of_word[-1] + 1
    start, end = ranges[first][0], ranges[last - 1][1]
    written = text[start : found.start()] + stand_in.text + text[found.end() : end]
    after_space, elsewhere = subwords.spell(written.removeprefix(" "))
    pieces = after_space if start == 0 or written.startswith(" ") else elsewhere

    def put(values: list, value: list) -> list:
        return [*values[:first], *value, *values[last:]] if values else values

    count = len(pieces)
    return replace(
        hypothesis,
        pieces=put(hypothesis.pieces, [*pieces]),
        piece_scores=put(
            hypothesis.piece_scores,
            [sum(hypothesis.piece_scores[first:last]), *[0.0] * (count - 1)],
        ),
        source_positions=put(
            hypothesis.source_positions, hypothesis.source_positions[last - 1 : last] * count
        ),
        attention_weights=put(
            hypothesis.attention_weights, hypothesis.attention_weights[last - 1 : last] * count
        ),
    )
