"""Where pairs of texts come from: files and the data sets of the Hugging Face hub."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from .formats import (
    Record,
    Records,
    format_of,
    read_dataset,
    read_jsonl,
    read_lines,
    read_parquet,
    read_tsv,
    shorten,
)

Field = str | int


class Pair(NamedTuple):
    """A text and its translations. Bytes that are not UTF-8 are in it as lone surrogates."""

    number: int
    """The line or row that it stands in, counted from 1."""
    sides: Sequence[str | None]
    """The source, then each reference; `None` where there is none, of which `fault` tells."""
    record: Record
    """All columns of its line; none in plain text."""
    fault: str = ""
    """Why a side is missing, and what to correct."""


class MisalignedError(ValueError):
    """A line does not have the columns that it should have."""


Read = Callable[[], Iterator[Pair]]


def open_source(
    source: str | Path | None,
    targets: Sequence[str | Path],
    source_field: Field | None = None,
    target_fields: Sequence[Field] = (),
    split: str | None = None,
    subset: str | None = None,
) -> Read:
    """Choose how pairs are read.

    source (str | Path | None): A file, or the name of a data set where `split` is set.
    targets (Sequence[str | Path]): Files of aligned lines, where `source` is plain text.
    source_field (Field | None): The column of the source.
    target_fields (Sequence[Field]): The columns of the references.
    split (str | None): The part of a data set.
    subset (str | None): The configuration of a data set that has several.
    RETURNS (Read): A function that starts to read from the first pair.
    RAISES (ValueError): If the settings do not fit each other or a file is missing.
    """
    source = _check_place("source", source, split, subset)
    if split is not None:
        records: Callable[[], Records] = partial(read_dataset, str(source), subset, split)
    else:
        path, *others = [_check_file(name) for name in (source, *targets)]
        match format_of(path):
            case ".tsv":
                source_field = _to_column(0 if source_field is None else source_field)
                target_fields = [_to_column(field) for field in target_fields or [1]]
                fields = [source_field, *target_fields]
                named = any(isinstance(field, str) for field in fields)
                least = 1 + max((field for field in fields if isinstance(field, int)), default=0)
                records = partial(read_tsv, path, named, least)
            case ".jsonl":
                records = partial(read_jsonl, path)
            case ".parquet":
                records = partial(read_parquet, path)
            case _ if not others:
                raise ValueError(
                    f"{source} is read as plain text, one side of a corpus: set target to the "
                    f"file of the other side, or name a source that holds both (.tsv, .jsonl, "
                    f".parquet)"
                )
            case _ if source_field is not None or target_fields:
                raise ValueError(
                    f"{source} is read as plain text, which has no columns: set source_field and "
                    f"target_field to null"
                )
            case _:
                return partial(_read_text, [path, *others])
    if targets:
        raise ValueError(
            f"{source} holds both sides, so target cannot be {str(targets[0])!r}: set "
            f"target = null, and target_field to the column"
        )
    columns = source_field, target_fields or ["translation"]
    return lambda: _select(records(), str(source), *columns)


def open_texts(
    source: str | Path | None,
    field: Field | None = None,
    split: str | None = None,
    subset: str | None = None,
) -> Read:
    """Choose how texts are read that have no other side.

    source (str | Path | None): A file, or the name of a data set where `split` is set.
    field (Field | None): The column of the text: by default "text", and 0 in TSV.
    split (str | None): The part of a data set.
    subset (str | None): The configuration of a data set that has several.
    RETURNS (Read): A function that starts to read from the first text, a side alone.
    RAISES (ValueError): If the settings do not fit each other or a file is missing.
    """
    source = _check_place("path", source, split, subset)
    if split is not None:
        return lambda: _select(read_dataset(str(source), subset, split), str(source), field, ())
    path = _check_file(source)
    if format_of(path) == ".tsv":
        field = _to_column(0 if field is None else field)
    named = isinstance(field, str)
    readers: dict[str, Callable[[], Records]] = {
        ".tsv": partial(read_tsv, path, named),
        ".jsonl": partial(read_jsonl, path),
        ".parquet": partial(read_parquet, path),
    }
    if format_of(path) not in readers:
        if field is not None:
            raise ValueError(
                f"{source} is read as plain text, which has no columns: set field = null"
            )
        return partial(_read_text, [path])
    read = readers[format_of(path)]
    return lambda: _select(read(), str(source), field, ())


def _check_place(
    setting: str, source: str | Path | None, split: str | None, subset: str | None
) -> str | Path:
    """Refuse what names neither a file nor a part of a data set, or both."""
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
    """Refuse a file that is not there."""
    if not Path(path).is_file():
        raise ValueError(
            f"There is no file {str(path)!r}: correct the path, or set split if it is the name "
            f"of a data set"
        )
    return Path(path)


def _to_column(field: Field) -> Field:
    """Read a column's number, which a command line gives as text."""
    return int(field) if str(field).isdecimal() else field


def _read_text(paths: Sequence[Path]) -> Iterator[Pair]:
    """Read files of aligned lines, up to the end of the longest."""
    files = [read_lines(path) for path in paths]
    for number, lines in enumerate(zip_longest(*files), 1):
        sides = [line and line[1] for line in lines]
        fault = ""
        if None in sides:
            cut = [text and text[:60] for text in sides]
            fault = f"no line where another file of the corpus has one: {cut}. Correct the corpus"
        yield Pair(number, sides, {}, fault)


def _select(
    records: Records, name: str, source_field: Field | None, target_fields: Sequence[Field]
) -> Iterator[Pair]:
    """Take the sides out of each record."""
    fault, complete = "", False
    for number, record in records:
        if record is None:
            yield Pair(number, ["", ""], {})
            continue
        try:
            if isinstance(record, str):
                raise MisalignedError(record)
            pair = Pair(number, _sides(record, source_field, target_fields), record)
            complete = True
        except ValueError as error:
            # Of what is read as texts alone, no rule says what becomes of other lines.
            if not isinstance(error, MisalignedError) or not target_fields:
                raise ValueError(f"{name}, line {number}: {error}") from error
            fault = fault or f"{name}, line {number} and all others: {error}"
            pair = Pair(number, [None], {}, str(error))
        yield pair
    if fault and not complete:
        raise ValueError(fault)


def _sides(
    record: Record, source_field: Field | None, target_fields: Sequence[Field]
) -> list[str | None]:
    """Look up the source of a record, then its references."""
    setting = "source_field" if target_fields else "field"
    source = _texts(record, "text" if source_field is None else source_field, setting)
    if len(source) > 1:
        raise ValueError(
            f"the source is one text, not {shorten(source)}: set {setting} to a column of texts"
        )
    targets = (text for field in target_fields for text in _texts(record, field, "target_field"))
    return [*source, *targets]


def _texts(record: Record, field: Field, setting: str) -> list[str]:
    """Look a column up, and list its texts: an empty one where there is none."""
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
