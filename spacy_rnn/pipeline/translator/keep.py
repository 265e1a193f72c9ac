"""Parts of a document that are no language, and stand in the translation as they are."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, cast

from spacy.tokens import Doc, Span

from .terms import Term

PATTERNS = {
    "code": re.compile(r"```.+?```|`[^`\n]+`", re.DOTALL),
    "tag": re.compile(r"</?[A-Za-z][^<>\n]*>|&(?:[A-Za-z]\w*|#\d+|#x[0-9A-Fa-f]+);"),
    # As of Python, C, shells, templates of web pages and ICU, without arguments that are text.
    "placeholder": re.compile(
        r"\{\{[^{}\n]*\}\}|\$?\{[\w.:!,\[\]-]*\}"
        r"|(?<![\w%])(?:%(?:\(\w+\)|\d+\$)?[-+#0]*\d*(?:\.\d+)?"
        r"(?:hh?|ll?|[jztL])?[diouxXeEfFgGcrsapn@](?!\w))+"
    ),
    # Pictographs with what changes their colour or joins them, flags, and keys.
    "emoji": re.compile(
        r"(?:[\U0001F1E6-\U0001F1FF]{2}|[0-9#*]\uFE0F?\u20E3"
        r"|[\u2300-\u23FF\u2600-\u27BF\u2B00-\u2BFF\U0001F000-\U0001FAFF]"
        r"[\uFE0F\u200D\U0001F3FB-\U0001F3FF\U0001F000-\U0001FAFF\u2600-\u27BF]*)+"
    ),
}
FLAGS = {"url": "like_url", "email": "like_email", "number": "like_num"}
"""Kinds that spaCy's tokens know."""
KINDS = (*FLAGS, *PATTERNS)
NO_LANGUAGE = ("url", "email", "code", "placeholder")
"""The kinds that no reader wants translated."""


class KeepSettings(NamedTuple):
    """Which parts of a document stand in the translation as they are.

    kinds (Sequence[str]): Kinds, of `KINDS`.
    labels (Sequence[str]): Labels of entities.
    spans_key (str): The group of `doc.spans` that holds more of them.
    """

    kinds: Sequence[str]
    labels: Sequence[str]
    spans_key: str


def find_kept(doc: Doc, settings: KeepSettings, terms: Iterable[Term]) -> list[Term]:
    """Find the parts of a document that stand in the translation as they are.

    doc (Doc): The document.
    settings (KeepSettings): Which these are.
    terms (Iterable[Term]): Its terms. What overlaps with one that has to be written is translated.
    RETURNS (list[Term]): Each part as a term. Parts that overlap or touch are one.
    """
    text = doc.text
    written = [
        (doc[term.start].idx, doc[term.end - 1].idx + len(doc[term.end - 1]))
        for term in terms
        if term.forms
    ]
    found = [
        (first, last, is_language)
        for first, last, is_language in _find_ranges(doc, text, settings)
        if first < last and not any(start < last and first < end for start, end in written)
    ]
    kept = []
    for first, last, is_language in _merge(found):
        span = cast("Span", doc.char_span(first, last, alignment_mode="expand"))
        characters = None if is_language else (first, last)
        kept.append(Term(span.start, span.end, (text[first:last],), kept=characters))
    return kept


def _find_ranges(doc: Doc, text: str, settings: KeepSettings) -> Iterator[tuple[int, int, bool]]:
    """Find ranges of characters, and whether they are words or numbers of a language."""
    flags = [FLAGS[kind] for kind in settings.kinds if kind in FLAGS]
    if flags:
        for token in doc:
            # Words that are numbers are words.
            is_word = token.like_num and not any(map(str.isdigit, token.text))
            if not is_word and any(getattr(token, flag) for flag in flags):
                yield token.idx, token.idx + len(token), token.like_num
    for kind in settings.kinds:
        if kind in PATTERNS:
            yield from ((*match.span(), False) for match in PATTERNS[kind].finditer(text))
    spans = [*doc.spans[settings.spans_key]] if settings.spans_key in doc.spans else []
    spans += [entity for entity in doc.ents if entity.label_ in settings.labels]
    for span in spans:
        yield span.start_char, span.end_char, True


def _merge(ranges: Iterable[tuple[int, int, bool]]) -> list[tuple[int, int, bool]]:
    """Join ranges that overlap or touch."""
    merged: list[tuple[int, int, bool]] = []
    for first, last, is_language in sorted(ranges):
        if merged and first <= merged[-1][1]:
            begin, end, was_language = merged[-1]
            merged[-1] = begin, max(last, end), is_language and was_language
        else:
            merged.append((first, last, is_language))
    return merged
