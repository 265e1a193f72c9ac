"""Records of tables, of JSON lines and of data sets of the Hugging Face hub, one after another.

Text, TSV and JSONL are read here and not through `datasets`, which also ends a line at a lone
carriage return, keeps a byte order mark, takes quotes and the word NA in TSV for its own marks,
turns JSON strings of the form of a date into dates, and cannot say which line is at fault.
A Parquet file that is packed once more by gzip it cannot read at all.
"""

import csv
import json
import zlib
from pathlib import Path

from .base import ReadOptions, Records
from .files import open_binary, read_lines


def read_tsv(path: Path, options: ReadOptions) -> Records:
    """Read cells by number and, if a column is chosen by name, by the names in the first line.

    path (Path): The file.
    options (ReadOptions): The columns and the encoding. Without names, all lines of parallel text
        have as many columns as the first one that has all those that are chosen.
    YIELDS (Records): The cells of each line.
    RAISES (ValueError): If the file is damaged.
    """
    fields = [options.source_field, *options.target_fields]
    named = any(isinstance(field, str) for field in fields)
    min_width = 1 + max((field for field in fields if isinstance(field, int)), default=0)
    rows = ((number, line.split("\t")) for number, line in read_lines(path, options.encoding))
    first, header = next(rows, (1, [])) if named else (0, [])
    width = len(header)
    for number, cells in rows:
        if cells == [""]:
            yield number, None
            continue
        if not width and options.target_fields and len(cells) >= min_width:
            first, width = number, len(cells)
        if width and len(cells) != width:
            yield (
                number,
                f"{len(cells)} columns where line {first} has {width}: {shorten(cells)}. Correct "
                f"the tabs",
            )
        else:
            yield number, dict(enumerate(cells)) | dict(zip(header, cells, strict=False))


def read_csv(path: Path, options: ReadOptions) -> Records:
    """Read cells by the names in the first row and by number.

    Cells in double quotes may hold commas, doubled quotes and line feeds (RFC 4180).

    path (Path): The file.
    options (ReadOptions): The encoding.
    YIELDS (Records): The cells of each row, with the number of its last line.
    RAISES (ValueError): If the quoting is malformed, or the file is damaged.
    """
    lines = (f"{line}\n" for _, line in read_lines(path, options.encoding))
    rows = csv.reader(lines, strict=True)
    try:
        header = next(rows, [])
        for cells in rows:
            if not cells:
                yield rows.line_num, None
            elif len(cells) != len(header):
                yield (
                    rows.line_num,
                    f"{len(cells)} columns where the first row has {len(header)}: "
                    f"{shorten(cells)}. Correct the commas and quotes",
                )
            else:
                yield rows.line_num, dict(enumerate(cells)) | dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {rows.line_num}: correct the quotes, or write texts that are very long "
            f"as JSON lines ({error})"
        ) from error


def read_jsonl(path: Path, options: ReadOptions) -> Records:
    """Read an object from each line, none from an empty line.

    path (Path): The file.
    options (ReadOptions): The encoding.
    YIELDS (Records): The objects.
    RAISES (ValueError): If a line is no object, or the file is damaged.
    """
    for number, line in read_lines(path, options.encoding):
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


def read_parquet(path: Path, options: ReadOptions) -> Records:
    """Read the rows of a Parquet file.

    path (Path): The file.
    options (ReadOptions): None applies: a row names all columns.
    YIELDS (Records): The rows.
    RAISES (ValueError): If the file is damaged.
    """
    from pyarrow.parquet import ParquetFile

    number = 0
    with open_binary(path) as file:
        try:
            batches = ParquetFile(file).iter_batches(batch_size=1000)
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, 1):
                yield number, row
        except (EOFError, OSError, ValueError, zlib.error) as error:
            raise ValueError(
                f"{path} cannot be read after row {number}: {error}. Fetch or write it anew"
            ) from error


def read_hub(path: Path, options: ReadOptions) -> Records:
    """Stream a split of a data set of the Hugging Face hub.

    path (Path): The name of the data set, or a folder.
    options (ReadOptions): The split and the subset.
    YIELDS (Records): The rows.
    RAISES (ValueError): If there is no such data set or split, or it cannot be reached.
    """
    from datasets import load_dataset

    name = path.as_posix()
    try:
        dataset = load_dataset(name, options.subset, split=options.split, streaming=True)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"The data set {name!r} (subset {options.subset!r}, split {options.split!r}) cannot "
            f"be opened: {error}. Correct source, subset and split, see that the hub can be "
            f"reached, or download a file and set source to its path and split = null"
        ) from error
    yield from enumerate(dataset, 1)


def shorten(value: object) -> str:
    """Return a value as it is shown in a message.

    value (object): The value.
    RETURNS (str): Its representation, cut off after 100 characters.
    """
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
