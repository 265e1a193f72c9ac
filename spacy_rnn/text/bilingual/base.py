"""What files of translations have in common."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .edits import Edit
from .inline import Content

MACHINE = "spacy-rnn"
"""The tool that machine translations are marked with, where a format has a place for it."""


class Text(NamedTuple):
    """A text of an entry, in one language."""

    lang: str | None
    """The tag of its language; None if the file does not say."""
    text: str
    """The text, without tags."""
    is_reviewed: bool = True
    """Whether nothing says that it is a draft, or no longer used."""


class Entry(NamedTuple):
    """A text and its translations."""

    line: int
    """The line where it begins, from 1."""
    source_lang: str | None
    """The language that was translated from; None if the file does not say."""
    texts: Sequence[Text]
    """The text in all languages; of an entry without a translation only one."""
    fault: str = ""
    """Why there is no text, and what to correct."""


def always(*edits: Edit) -> Callable[[Sequence[Content]], Sequence[Edit]]:
    """Return a function that makes the same changes whatever the translations are.

    edits (Edit): The changes.
    RETURNS (Callable[[Sequence[Content]], Sequence[Edit]]): The function.
    """
    return lambda _: edits


class Unit(NamedTuple):
    """A part of a file that is translated as a whole."""

    line: int
    """The line where it begins, from 1."""
    contents: Sequence[Content] = ()
    """What is to be translated, each by itself."""
    edit: Callable[[Sequence[Content]], Sequence[Edit]] = always()
    """Makes the changes that put the translations into the file."""
    kept: str = ""
    """Why the unit stays as it is: what it has or lacks."""


class TranslationFile(ABC):
    """A file of texts and their translations."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Read the texts and their translations.

        YIELDS (Entry): An entry.
        """

    @abstractmethod
    def units(
        self, source_lang: str | None, target_lang: str | None, *, overwrite: bool = False
    ) -> Iterator[Unit]:
        """Find what is to be translated.

        source_lang (str | None): The language that is translated from; None for any.
        target_lang (str | None): The language of the translations; None for that of the file.
        overwrite (bool): Whether to translate again what has a translation, unless that is
            approved.
        YIELDS (Unit): A unit.
        RAISES (ValueError): If the file is in other languages or does not say in which, or a unit
            has no source.
        """

    @abstractmethod
    def write(self, edits: Sequence[Edit]) -> bytes:
        """Write the file with changes.

        edits (Sequence[Edit]): The changes that units make.
        RETURNS (bytes): The file, in its own encoding.
        """


def is_variant(tag: str | None, wanted: str) -> bool:
    """Whether a tag is that of a language, or of a variant of it (RFC 4647, section 3.3.1).

    tag (str | None): The tag, such as "en-GB".
    wanted (str): The language, such as "en".
    RETURNS (bool): Whether it is.
    """
    tags = [re.split("[-_]", each.lower()) for each in (tag or "", wanted)]
    return tags[0][: len(tags[1])] == tags[1]


def find_language(langs: Sequence[str | None], wanted: str) -> list[int]:
    """Find a language among others.

    langs (Sequence[str | None]): The tags of languages.
    wanted (str): The tag of the one.
    RETURNS (list[int]): The indices of those tags; where there are none, of its variants, or
        else of what it is a variant of.
    """
    same = [i for i, lang in enumerate(langs) if lang and lang.lower() == wanted.lower()]
    variants = [i for i, lang in enumerate(langs) if is_variant(lang, wanted)]
    return (
        same
        or variants
        or [i for i, lang in enumerate(langs) if lang and is_variant(wanted, lang)]
    )


def check_languages(
    position: str, kind: str, written: str | None, wanted: str | None
) -> str | None:
    """Refuse a file in another language.

    position (str): The file and line, for the error.
    kind (str): The use of the language: "source" or "target".
    written (str | None): The language in the file.
    wanted (str | None): The language that is translated from or into.
    RETURNS (str | None): The language: that in the file if there is one.
    RAISES (ValueError): If both are known, and neither is a variant of the other.
    """
    if written and wanted and not (is_variant(written, wanted) or is_variant(wanted, written)):
        raise ValueError(
            f"{position}: the {kind} language is {written!r}, but the translator's is {wanted!r}. "
            f"Choose another translator or file, or correct the language"
        )
    return written or wanted
