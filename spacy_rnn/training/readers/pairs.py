"""Texts and their translations, from files and from data sets of the Hugging Face hub."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from .base import Field, LineReader, ReadOptions, Record, RecordReader, Records
from .files import read_lines
from .formats import shorten
from .registry import HUB, find_reader, list_formats


class Pair(NamedTuple):
    """A text and its translations. Bytes that cannot be decoded are lone surrogates in it."""

    number: int
    """The number of its line or row, from 1."""
    sides: Sequence[str | None]
    """The text, then each translation; `None` for a missing one, which `fault` explains."""
    record: Record
    """All columns of its record; empty for lines of text."""
    fault: str = ""
    """Why a side is missing, and what to correct."""


class MisalignedError(ValueError):
    """A record lacks a column, or has one too many."""


ReadPairs = Callable[[], Iterator[Pair]]
"""Starts to read from the first pair."""


def open_pairs(
    source: str | Path | None,
    targets: Sequence[str | Path],
    source_field: Field | None = None,
    target_fields: Sequence[Field] = (),
    split: str | None = None,
    subset: str | None = None,
    *,
    format: str | None = None,
    encoding: str = "utf8",
) -> ReadPairs:
    """Prepare to read texts with their translations.

    source (str | Path | None): A file, or the name of a data set if `split` is set.
    targets (Sequence[str | Path]): Files of aligned lines, if `source` is a file of lines.
    source_field (Field | None): The column of the text.
    target_fields (Sequence[Field]): The columns of the translations.
    split (str | None): The split of a data set.
    subset (str | None): The configuration of a data set that has several.
    format (str | None): A name in `READERS`; None for the one that the suffix stands for.
    encoding (str): The encoding of text files.
    RETURNS (ReadPairs): A function that starts to read from the first pair.
    RAISES (ValueError): If the settings contradict each other or a file is missing.
    """
    source = _check_source("source", source, split, subset)
    reader = HUB if split is not None else _find_text_reader(source, format)
    if isinstance(reader, LineReader):
        paths = [_check_file(name) for name in (source, *targets)]
        if not targets:
            raise ValueError(
                f"{source} is read as plain text, one side of a corpus: set target to the file "
                f"of the other side, or name a source that holds both: "
                f"{list_formats(RecordReader)}"
            )
        if source_field is not None or target_fields:
            raise ValueError(
                f"{source} is read as plain text, which has no columns: set source_field and "
                f"target_field to null"
            )
        return partial(_read_lines, paths, encoding)
    if reader is not HUB:
        for name in (source, *targets):
            _check_file(name)
    if targets:
        raise ValueError(
            f"{source} holds both sides, so target cannot be {str(targets[0])!r}: set "
            f"target = null, and target_field to the column"
        )
    if not target_fields:
        if reader.target_field is None:
            raise ValueError(
                f"{source} holds {reader.contents}, without a translation: set target_field if "
                f"there is a column of translations, or choose another format"
            )
        target_fields = [reader.target_field]
    return _open_records(reader, source, source_field, target_fields, split, subset, encoding)


def open_texts(
    source: str | Path | None,
    field: Field | None = None,
    split: str | None = None,
    subset: str | None = None,
    *,
    format: str | None = None,
    encoding: str = "utf8",
) -> ReadPairs:
    """Prepare to read texts without translations.

    source (str | Path | None): A file, or the name of a data set if `split` is set.
    field (Field | None): The column of the text.
    split (str | None): The split of a data set.
    subset (str | None): The configuration of a data set that has several.
    format (str | None): A name in `READERS`; None for the one that the suffix stands for.
    encoding (str): The encoding of text files.
    RETURNS (ReadPairs): A function that starts to read from the first text. A pair has one side.
    RAISES (ValueError): If the settings contradict each other or a file is missing.
    """
    source = _check_source("path", source, split, subset)
    reader = HUB if split is not None else _find_text_reader(source, format)
    if reader is not HUB:
        _check_file(source)
    if isinstance(reader, RecordReader):
        return _open_records(reader, source, field, (), split, subset, encoding)
    if field is not None:
        raise ValueError(f"{source} is read as plain text, which has no columns: set field = null")
    return partial(_read_lines, [Path(source)], encoding)


def _find_text_reader(source: str | Path, format: str | None) -> LineReader | RecordReader:
    """Find a reader of texts, as opposed to annotated tokens."""
    reader = find_reader(source, format)
    if isinstance(reader, LineReader | RecordReader):
        return reader
    raise ValueError(
        f"{source} holds annotated tokens ({reader.contents}): convert it with python -m spacy "
        f"rnn convert and read the result with spacy.Corpus.v1, or name another format"
    )


def _open_records(
    reader: RecordReader,
    source: str | Path,
    source_field: Field | None,
    target_fields: Sequence[Field],
    split: str | None,
    subset: str | None,
    encoding: str,
) -> ReadPairs:
    """Prepare to read the chosen columns of records."""
    if source_field is None:
        source_field = reader.source_field
    options = ReadOptions(
        source_field=reader.to_field(source_field),
        target_fields=[reader.to_field(field) for field in target_fields],
        encoding=encoding,
        split=split,
        subset=subset,
    )
    return lambda: _select(reader.read(Path(source), options), str(source), options)


def _check_source(
    setting: str, source: str | Path | None, split: str | None, subset: str | None
) -> str | Path:
    """Refuse a source that is neither a file nor a split of a data set, or both."""
    if source is None:
        raise ValueError(f"{setting} is null: name a file, or a data set and its split")
    if subset is not None and split is None:
        raise ValueError(
            f"subset is {subset!r} but split is null: set it to a part of the data set"
        )
    if split is not None and Path(source).is_file():
        raise ValueError(f"{source} is a file, which has no split {split!r}: set split = null")
    return source


def _check_file(path: str | Path) -> Path:
    """Refuse a file that does not exist."""
    if not Path(path).is_file():
        raise ValueError(
            f"There is no file {str(path)!r}: correct the path, or set split if it is the name "
            f"of a data set"
        )
    return Path(path)


def _read_lines(paths: Sequence[Path], encoding: str) -> Iterator[Pair]:
    """Read files of aligned lines, up to the end of the longest."""
    files = [read_lines(path, encoding) for path in paths]
    for number, lines in enumerate(zip_longest(*files), 1):
        sides = [line and line[1] for line in lines]
        fault = ""
        if None in sides:
            beginnings = [text and text[:60] for text in sides]
            fault = (
                f"no line where another file of the corpus has one: {beginnings}. Correct the "
                f"corpus"
            )
        yield Pair(number, sides, {}, fault)


def _select(records: Records, name: str, options: ReadOptions) -> Iterator[Pair]:
    """Take the sides out of each record."""
    fault, complete = "", False
    for number, record in records:
        if record is None:
            yield Pair(number, [""] * (1 + bool(options.target_fields)), {})
            continue
        try:
            if isinstance(record, str):
                raise MisalignedError(record)
            pair = Pair(number, _select_sides(record, options), record)
            complete = True
        except MisalignedError as error:
            fault = fault or f"{name}, line {number} and all others: {error}"
            pair = Pair(number, [None], {}, str(error))
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: {error}") from error
        yield pair
    if fault and not complete:
        raise ValueError(fault)


def _select_sides(record: Record, options: ReadOptions) -> list[str | None]:
    """Take the text out of a record, then its translations."""
    setting = "source_field" if options.target_fields else "field"
    source = _texts_of(record, options.source_field, setting)
    if len(source) > 1:
        raise ValueError(
            f"the source is one text, not {shorten(source)}: set {setting} to a column of texts"
        )
    targets = [_texts_of(record, field, "target_field") for field in options.target_fields]
    return [*source, *chain.from_iterable(targets)]


def _texts_of(record: Record, field: Field, setting: str) -> list[str]:
    """Return the texts in a column of a record: an empty one if the value is missing."""
    value: Any = record
    for name in [field] if field in record else str(field).split("."):
        if not isinstance(value, dict) or name not in value:
            columns = list(value) if isinstance(value, dict) else "none inside of a text"
            raise MisalignedError(
                f"{setting} = {field!r} is no column: there are {columns}. Choose another or "
                f"correct the corpus"
            )
        value = value[name]
    texts = list(value) if isinstance(value, list | tuple) else [value]
    texts = ["" if text is None else text for text in texts] or [""]
    for text in texts:
        if not isinstance(text, str):
            raise ValueError(
                f"{setting} = {field!r} holds {shorten(text)}, which is no text: write it as "
                f"one, or choose another column"
            )
    return texts
