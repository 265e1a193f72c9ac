"""Marks in German text, which the grammar moves about and inflects like any letters.

The mark of an entity begins after its first letter, so that the grammar still finds that one. The
mark of a word, with what it stands for, ends it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .english import Token

Entity = tuple[int, int, str]
"""The first character of an entity, the one after its last, and its label."""

BEGIN, LABELLED, END = "\ue000", "\ue001", "\ue002"
MARKED = re.compile(f"(.){BEGIN}(.*?){LABELLED}(.*?){END}")
OPEN, CLOSE = "\ue003", "\ue004"
NAMED = re.compile(f"{OPEN}(.*?){CLOSE}")
PREPOSITION = re.compile("(?:am|im|um|nach|vor|seit|ab|bis|in|an) ")
"""Where English has a preposition before an entity, German has one of these."""


class Word(NamedTuple):
    """A word or a mark of punctuation: its characters in the text, and what it stands for."""

    start: int
    end: int
    unit: str


def mark(text: str, words: Sequence[Token]) -> str:
    """Mark an entity.

    text (str): What it is in German.
    words (Sequence[Token]): What it is in English, perhaps with other words before it.
    RETURNS (str): The text with marks; without any if no word has a label.
    """
    labels = {word.label for word in words if word.label}
    if len(labels) != 1 or not text:
        return text
    before = ""
    if not words[0].label and (found := PREPOSITION.match(text)):
        before, text = found[0], text[found.end() :]
    return f"{before}{text[0]}{BEGIN}{labels.pop()}{LABELLED}{text[1:]}{END}"


def read_marks(text: str, source: str) -> tuple[str, list[Entity]]:
    """Take the marks out of a text.

    text (str): The text with marks.
    source (str): The English text, where a first name and a surname are one entity as well.
    RETURNS (tuple[str, list[Entity]]): The text, and its entities.
    """
    plain, entities, last = "", [], 0
    for found in MARKED.finditer(text):
        plain += text[last : found.start()]
        start = len(plain)
        name = found[1] + found[3]
        if plain.endswith(" ") and entities and entities[-1][1:] == (start - 1, found[2]):
            first = entities[-1][0]
            if plain[first:] + name in source:
                start = entities.pop()[0]
        plain += name
        entities.append((start, len(plain), found[2]))
        last = found.end()
    return plain + text[last:], entities


def name_words(text: str, unit: str) -> str:
    """Mark each word with what it stands for.

    text (str): The words.
    unit (str): What they stand for, as `links` reads it.
    RETURNS (str): The text with marks.
    """
    return re.sub(r"\S+", lambda word: f"{word[0]}{OPEN}{unit}{CLOSE}", text)


def read_words(text: str, plain: str) -> list[Word]:
    """Find the words of a text.

    text (str): The text with marks of words.
    plain (str): The text without any marks.
    RETURNS (list[Word]): The words, those without a mark and punctuation with an empty unit.
    """
    return list(_read_words(text, plain))


def _read_words(text: str, plain: str) -> Iterator[Word]:
    start = 0
    for marked, chunk in zip(text.split(" "), plain.split(" "), strict=True):
        named = NAMED.search(marked)
        after = len(marked) - named.end() if named else len(chunk) - len(chunk.rstrip(",.?!"))
        end = start + len(chunk) - after
        yield Word(start, end, named[1] if named else "")
        for place in range(end, end + after):
            yield Word(place, place + 1, "")
        start = end + after + 1
