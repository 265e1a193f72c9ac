"""Word-level differences between two sentences."""

import re
from difflib import SequenceMatcher

_PIECES = re.compile(r"\w+|\s+|[^\w\s]")

Marked = list[tuple[str, bool]]


def mark_differences(translation: str, reference: str) -> tuple[Marked, Marked]:
    """Compare two texts word by word.

    translation (str): One text.
    reference (str): The other one.
    RETURNS (tuple[Marked, Marked]): All pieces of each text in order, each with whether it is in
        this text alone.
    """
    ours, theirs = _PIECES.findall(translation), _PIECES.findall(reference)
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    marked: tuple[Marked, Marked] = ([], [])
    for kind, *bounds in matcher.get_opcodes():
        for pieces, into, (start, end) in (
            (ours, marked[0], bounds[:2]),
            (theirs, marked[1], bounds[2:]),
        ):
            if start < end:
                into.append(("".join(pieces[start:end]), kind != "equal"))
    return marked


def closest(translation: str, references: list[str]) -> str | None:
    """Choose the reference that has most words in common with a translation.

    translation (str): The translation.
    references (list[str]): The references.
    RETURNS (str | None): The first of the closest, or None where there is none.
    """
    words = _PIECES.findall(translation)

    def similarity(reference: str) -> float:
        return SequenceMatcher(None, words, _PIECES.findall(reference), autojunk=False).ratio()

    return max(references, key=similarity, default=None)
