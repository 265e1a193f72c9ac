"""Pairs of texts from the files of translators: XLIFF, TMX and gettext."""

import zlib
from collections.abc import Sequence
from pathlib import Path

from ...text.bilingual.base import Entry, Text, TranslationFile, find_language, is_variant
from .base import Field, OpenFile, ReadOptions, Record, Records, UnreviewedRecord
from .files import open_binary

SOURCE, TARGET = "text", "translation"
"""Columns of the text that was translated, and of its translations if these are in one language.
The others are the languages."""


def open_translations(open_file: OpenFile, path: Path) -> TranslationFile:
    """Open a file of translations, which may be compressed.

    open_file (OpenFile): The reader of its format.
    path (Path): The file.
    RETURNS (TranslationFile): The file.
    RAISES (ValueError): If it is damaged or malformed.
    """
    if not path.is_file():
        raise ValueError(f"There is no file {str(path)!r}: correct the path")
    try:
        with open_binary(path) as file:
            data = file.read()
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {error}. Fetch or pack it anew") from error
    return open_file(data, str(path))


def read_translations(open_file: OpenFile, path: Path, options: ReadOptions) -> Records:
    """Read texts and their translations, without the tags in them.

    open_file (OpenFile): The reader of the format.
    path (Path): The file.
    options (ReadOptions): The columns: languages, or those of the file.
    YIELDS (Records): For each text in the source language a record with that text, and with lists
        of its translations.
    RAISES (ValueError): If the file is malformed, or has several languages to choose from.
    """
    entries = list(open_translations(open_file, path).entries())
    if TARGET in options.target_fields:
        _check_targets(entries, path, options)
    for entry in entries:
        sources = [] if entry.fault else _find_sources(entry, path, options.source_field)
        if not sources:
            langs = ", ".join(str(text.lang) for text in entry.texts)
            fault = f"no text in {options.source_field!r}, but in: {langs}. Choose one of these"
            yield entry.line, entry.fault or fault
        for source in sources:
            yield entry.line, _make_record(entry, source, sources, options)


def _find_sources(entry: Entry, path: Path, field: Field) -> Sequence[Text]:
    """Find the texts of an entry that are in the source language."""
    if field != SOURCE:
        return _choose(entry.texts, str(field))
    if entry.source_lang is not None:
        return _choose(entry.texts, entry.source_lang)
    if any(text.lang is None for text in entry.texts):
        return entry.texts[:1]
    langs = ", ".join(sorted({str(text.lang) for text in entry.texts}))
    raise ValueError(
        f"{path}, line {entry.line}: nothing says which language was translated from: set "
        f"source_field to one of {langs}"
    )


def _check_targets(entries: Sequence[Entry], path: Path, options: ReadOptions) -> None:
    """Refuse to choose among several languages of translations."""
    langs: set[str] = set()
    for entry in entries:
        if not entry.fault:
            sources = _find_sources(entry, path, options.source_field)
            langs |= {(text.lang or "").lower() for text in _find_targets(entry, sources, TARGET)}
    # A variant beside its language is no other one.
    others = {
        lang for lang in langs if not any(is_variant(lang, other) for other in langs - {lang})
    }
    if len(others) > 1:
        raise ValueError(
            f"{path} has translations into {', '.join(sorted(others))}: set target_field to one "
            f"of these"
        )


def _find_targets(entry: Entry, sources: Sequence[Text], field: Field) -> Sequence[Text]:
    """Find the translations of an entry in a language, or in any."""
    if field != TARGET:
        return _choose(entry.texts, str(field))
    return [text for text in entry.texts if text not in sources]


def _make_record(
    entry: Entry, source: Text, sources: Sequence[Text], options: ReadOptions
) -> Record:
    """Make a record of a text and its translations."""
    record: Record = {options.source_field: source.text}
    is_reviewed = True
    for field in options.target_fields:
        targets = _find_targets(entry, sources, field)
        is_reviewed &= all(text.is_reviewed for text in targets)
        record[field] = [text.text for text in targets]
    return record if is_reviewed else UnreviewedRecord(record)


def _choose(texts: Sequence[Text], lang: str) -> Sequence[Text]:
    return [texts[index] for index in find_language([text.lang for text in texts], lang)]
