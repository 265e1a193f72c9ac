"""Read the records of a file or of a data set of the Hugging Face hub, one after another.

Text, TSV and JSONL are read here and not through `datasets`, which also ends a line at a lone
carriage return, keeps a byte order mark, takes quotes and the word NA in TSV for its own marks,
turns JSON strings that look like dates into dates, and cannot say which line is at fault.
A Parquet file that is packed once more by gzip it cannot read at all.
"""

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[Any, Any]
"""Values by the names and the numbers of their columns."""

Records = Iterator[tuple[int, Record | str | None]]
"""With the line or row of each; `None` is for an empty line, a text for what a line has wrong."""


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read the lines of a file, which end with a line feed and with nothing else.

    path (Path): The file, unpacked as it is read if its name ends with .gz.
    YIELDS (tuple[int, str]): The number of a line, from 1, and the line. Bytes that are not
        UTF-8 come as lone surrogates.
    RAISES (ValueError): If the file is damaged.
    """
    number = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                yield number, line.decode("utf8", "surrogateescape")
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be read after line {number}: {error}. Fetch or pack it anew"
        ) from error


def _open(path: Path) -> Any:
    """Open a file that may be packed."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def format_of(path: Path) -> str:
    """Give the ending of a file's name below .gz.

    path (Path): The file.
    RETURNS (str): The ending, with its dot.
    """
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def read_tsv(path: Path, named: bool, least: int | None = None) -> Records:
    """Read cells by number and, where the first line names the columns, by name.

    path (Path): The file.
    named (bool): Whether the first line names the columns.
    least (int | None): Without names, all lines have as many columns as the first that has
        so many or more. None if they may differ.
    YIELDS (Records): The cells of each line.
    RAISES (ValueError): If the file is damaged.
    """
    rows = ((number, line.split("\t")) for number, line in read_lines(path))
    first, header = next(rows, (1, [])) if named else (0, [])
    width = len(header)
    for number, cells in rows:
        if cells == [""]:
            yield number, None
            continue
        if not width and least is not None and len(cells) >= least:
            first, width = number, len(cells)
        if width and len(cells) != width:
            yield (
                number,
                f"{len(cells)} columns where line {first} has {width}: {shorten(cells)}. Correct "
                f"the tabs",
            )
        else:
            yield number, dict(enumerate(cells)) | dict(zip(header, cells, strict=False))


def read_jsonl(path: Path) -> Records:
    """Read an object from each line, none from an empty line.

    path (Path): The file.
    YIELDS (Records): The objects.
    RAISES (ValueError): If a line is no object, or the file is damaged.
    """
    for number, line in read_lines(path):
        try:
            record = json.loads(line) if line.strip() else None
        except ValueError as error:
            raise ValueError(
                f"{path}, line {number}: correct what is no JSON ({error}): {shorten(line)}"
            ) from error
        if not isinstance(record, dict | None):
            raise ValueError(
                f"{path}, line {number}: write an object with columns, not {shorten(record)}"
            )
        yield number, record


def read_parquet(path: Path) -> Records:
    """Read the rows of a Parquet file.

    path (Path): The file.
    YIELDS (Records): The rows.
    RAISES (ValueError): If the file is damaged.
    """
    from pyarrow.parquet import ParquetFile

    number = 0
    with _open(path) as file:
        try:
            batches = ParquetFile(file).iter_batches(batch_size=1000)
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, 1):
                yield number, row
        except (EOFError, OSError, ValueError, zlib.error) as error:
            raise ValueError(
                f"{path} cannot be read after row {number}: {error}. Fetch or write it anew"
            ) from error


def read_dataset(name: str, subset: str | None, split: str) -> Records:
    """Stream a part of a data set.

    name (str): Its name, or the path of a folder.
    subset (str | None): The configuration of a data set that has several.
    split (str): The part.
    YIELDS (Records): The rows.
    RAISES (ValueError): If there is no such data set or part, or it cannot be reached.
    """
    from datasets import load_dataset

    try:
        dataset = load_dataset(name, subset, split=split, streaming=True)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"The data set {name!r} (subset {subset!r}, split {split!r}) cannot be opened: "
            f"{error}. Correct source, subset and split, see that the hub can be reached, or "
            f"download a file and set source to its path and split = null"
        ) from error
    yield from enumerate(dataset, 1)


def shorten(value: object) -> str:
    """Show a value in a message.

    value (object): The value.
    RETURNS (str): What Python writes for it, cut where it is long.
    """
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
