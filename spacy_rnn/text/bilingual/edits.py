"""Changes of a file, which leave all else as it is."""

from collections.abc import Iterable
from typing import NamedTuple


class Edit(NamedTuple):
    """What takes the place of a part of a file."""

    start: int
    """The first byte of the part, in UTF-8."""
    end: int
    """The byte after it; that of `start` to insert something."""
    text: str


def apply_edits(data: bytes, edits: Iterable[Edit]) -> str:
    """Put other parts in place of some.

    data (bytes): A file in UTF-8.
    edits (Iterable[Edit]): The parts, none of which overlap. Of those at one place the order
        stays.
    RETURNS (str): The file with them.
    """
    parts, place = [], 0
    for edit in sorted(edits, key=lambda edit: edit[:2]):
        parts += [data[place : edit.start], edit.text.encode("utf8")]
        place = edit.end
    return b"".join([*parts, data[place:]]).decode("utf8")
