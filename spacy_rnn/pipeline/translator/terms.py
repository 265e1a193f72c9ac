"""Terms of a document: what the translation of a span has to say, and what it must not."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from spacy.tokens import Doc, Span

FORM = re.compile(r"(?:\\[|!\\]|[^|])+")
"""A form between bars; a backslash before a bar, "!" or a backslash takes its meaning away."""


class Term(NamedTuple):
    """A span of a document, and what stands for it in the translation.

    start (int): Its first token.
    end (int): The token after its last.
    forms (tuple[str, ...]): Texts, one of which has to stand for it. None for anything.
    banned (tuple[str, ...]): Texts that must not be in the translation.
    kept (tuple[int, int] | None): The characters of the document that stay as they are, if these
        are no language.
    """

    start: int
    end: int
    forms: tuple[str, ...]
    banned: tuple[str, ...] = ()
    kept: tuple[int, int] | None = None


class TermSettings(NamedTuple):
    """Where the terms of a document stand.

    spans_key (str): The group of `doc.spans` that holds them.
    label (str): The label of entities that are terms as well.
    """

    spans_key: str
    label: str


def read_terms(doc: Doc, settings: TermSettings) -> list[Term]:
    """Read the terms of a document.

    doc (Doc): The document.
    settings (TermSettings): Where they stand.
    RETURNS (list[Term]): The terms, in order. Equal ones count once.
    RAISES (ValueError): If a span says nothing of its translation.
    """
    spans: list[Span] = []
    if settings.spans_key in doc.spans:
        spans.extend(doc.spans[settings.spans_key])
    if settings.label and doc.ents:
        spans.extend(entity for entity in doc.ents if entity.label_ == settings.label)
    if not spans:
        return []
    return sorted({Term(span.start, span.end, *_read_forms(span)) for span in spans})


def _read_forms(span: Span) -> tuple[tuple[str, ...], tuple[str, ...]]:
    written = span.id_ or span.ent_id_
    try:
        if not span.text.strip():
            raise ValueError("it has no words: leave it out")
        return parse_forms(written)
    except ValueError as error:
        raise ValueError(
            f'The term "{span.text}" at characters {span.start_char} to {span.end_char} has the '
            f'id "{written}": {error}'
        ) from error


def parse_forms(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read the forms of a term.

    text (str): Forms with bars between them: "Ufer|Flussufer". Those after an exclamation mark
        must not be written: "!Bank". A backslash before a bar, an exclamation mark or a backslash
        lets it stand for itself.
    RETURNS (tuple[tuple[str, ...], tuple[str, ...]]): The forms, and those that are banned.
    RAISES (ValueError): If there is neither, or a form is both.
    """
    forms: dict[str, None] = {}
    banned: dict[str, None] = {}
    for written in FORM.findall(text):
        is_banned = written.strip().startswith("!")
        form = re.sub(r"\\([|!\\])", r"\1", written.strip().removeprefix("!").strip())
        if form:
            (banned if is_banned else forms)[" ".join(form.split())] = None
    if not forms and not banned:
        raise ValueError(
            "set it to the words that it is translated by, such as Ufer, Ufer|Ufers or !Bank"
        )
    if contradicting := forms.keys() & banned.keys():
        raise ValueError(
            f'"{min(contradicting)}" is to be written and is banned: leave one of the two out'
        )
    return tuple(forms), tuple(banned)


def within(terms: Iterable[Term], start: int, end: int) -> Iterator[Term]:
    """Find the terms of a passage.

    terms (Iterable[Term]): The terms of its document.
    start (int): Its first token.
    end (int): The token after its last.
    YIELDS (Term): Each that has a token of it: passages end at no place within a term.
    """
    return (term for term in terms if term.start < end and start < term.end)
