"""Lines and text of files that may be compressed by gzip."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast


def suffix_of(path: Path) -> str:
    """Return the suffix of a file name, below .gz.

    path (Path): The file.
    RETURNS (str): The suffix, with its dot.
    """
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def open_binary(path: Path) -> IO[bytes]:
    """Open a file, decompressed if its name ends with .gz.

    path (Path): The file.
    RETURNS (IO[bytes]): The open file.
    """
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def read_lines(path: Path, encoding: str = "utf8") -> Iterator[tuple[int, str]]:
    """Read the lines of a file, which end with a line feed and with nothing else.

    path (Path): The file.
    encoding (str): Its encoding.
    YIELDS (tuple[int, str]): The number of a line, from 1, and the line. Bytes that cannot be
        decoded become lone surrogates.
    RAISES (ValueError): If the file is damaged, or there is no such encoding.
    """
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise ValueError(
            f"encoding is {encoding!r}, which Python does not have: set it to utf8, latin-1 or "
            f"another one"
        ) from error
    number = 0
    with open_binary(path) as file:
        try:
            for number, line in enumerate(file, 1):
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                yield number, line.decode(encoding, "surrogateescape")
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(
                f"{path} cannot be read after line {number}: {error}. Fetch or pack it anew"
            ) from error


def read_text(path: Path, encoding: str = "utf8") -> str:
    """Read a whole file.

    path (Path): The file.
    encoding (str): Its encoding.
    RETURNS (str): Its text, with a line feed at the end of each line.
    RAISES (ValueError): If the file is damaged, or a line cannot be decoded.
    """
    lines = []
    for number, line in read_lines(path, encoding):
        try:
            line.encode("utf8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{path}, line {number}: bytes that are not {encoding}: {line[:60]!r}. Convert "
                f"the file to UTF-8, or set the encoding that it has"
            ) from error
        lines.append(f"{line}\n")
    return "".join(lines)
