"""Parts of a marked-up text. Joined, as they are written, they are the text."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

WHITE = " \t\n\r\f"
"""White space of mark-up. No-break spaces are none."""


class Kind(Enum):
    """What a part of a marked-up text is."""

    TEXT = auto()
    START = auto()
    END = auto()
    KEPT = auto()
    OTHER = auto()


@dataclass(slots=True)
class Token:
    """A part of a marked-up text.

    kind (Kind): A text, a start tag, an end tag, or something else: an element without content, a
        comment, a declaration.
    raw (str): What is written.
    name (str): The name of the element, if it is a tag.
    attributes (dict[str, str]): Those of a start tag.
    text (str): What a text means: without entities.
    is_cdata (bool): Whether a text is a CDATA section.
    """

    kind: Kind
    raw: str
    name: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    is_cdata: bool = False

    @property
    def is_blank(self) -> bool:
        """bool: Whether it is a text of white space alone."""
        return self.kind is Kind.TEXT and not self.text.strip()


class Piece(NamedTuple):
    """Tokens that are one thing in a run of text.

    kind (Kind): A text, a start tag, an end tag, an element with text that stays as it is, or
        something else that does.
    first (int): The index of the first token.
    last (int): The index after that of the last one.
    """

    kind: Kind
    first: int
    last: int
