"""Lines and text of files that may be compressed by gzip."""

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import IO, cast

from ...checks import check_choice
from ...progress import follow
from .base import logger

ON_INVALID_UTF8 = ("error", "replace", "skip")

SURROGATE = re.compile("[\ud800-\udfff]")
"""Bytes that could not be decoded."""

# That of UTF-32 begins like that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""dict[bytes, str]: Encodings by their byte order marks."""


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
    """Read the lines of a file.

    path (Path): The file.
    encoding (str): Its encoding.
    YIELDS (tuple[int, str]): What `decode_lines` yields.
    RAISES (ValueError): If the file is damaged, or there is no such encoding.
    """
    with open_binary(path) as file:
        yield from decode_lines(file, str(path), encoding)


def decode_lines(file: IO[bytes], name: str, encoding: str = "utf8") -> Iterator[tuple[int, str]]:
    """Decode lines, which end with a line feed and with nothing else.

    A byte order mark is taken off. One of another encoding counts more than UTF-8 does.

    file (IO[bytes]): The open file, or standard input.
    name (str): What it is called in errors.
    encoding (str): Its encoding.
    YIELDS (tuple[int, str]): The number of a line, from 1, and the line. Bytes that cannot be
        decoded become lone surrogates.
    RAISES (ValueError): If the file is damaged, or there is no such encoding.
    """
    try:
        is_utf8 = codecs.lookup(encoding).name == "utf-8"
    except LookupError as error:
        raise ValueError(
            f"encoding is {encoding!r}, which Python does not have: set it to utf8, latin-1 or "
            f"another one"
        ) from error
    number = 0
    try:
        buffered = file if hasattr(file, "peek") else BufferedReader(cast(RawIOBase, file))
        if is_utf8:
            start = cast(BufferedReader, buffered).peek(len(codecs.BOM_UTF32_LE))
            marked = (marked for mark, marked in MARKS.items() if start.startswith(mark))
            encoding = next(marked, encoding)
        text = TextIOWrapper(buffered, encoding, "surrogateescape", newline="\n")
        try:
            with follow(file):
                for number, line in enumerate(text, 1):
                    if number == 1:
                        line = line.removeprefix("\ufeff")
                        _refuse_utf16(line, name, encoding)
                    yield number, line.removesuffix("\n").removesuffix("\r")
        finally:
            text.detach()  # Whoever opened the file closes it.
    except (EOFError, OSError, UnicodeError, zlib.error) as error:
        raise ValueError(
            f"{name} cannot be read after line {number}: {error}. Fetch or pack it anew, or set "
            f"the encoding that it has"
        ) from error


def _refuse_utf16(line: str, name: str, encoding: str) -> None:
    """Refuse what is full of null characters, as UTF-16 is if read as another encoding."""
    if line.count("\0") > len(line) / 3:
        raise ValueError(
            f"{name} is not {encoding} but UTF-16, to judge by its null characters: set encoding "
            f"to utf-16-le or utf-16-be, or convert it to UTF-8"
        )


def check_lines(
    lines: Iterable[tuple[int, str]],
    name: str,
    encoding: str = "utf8",
    on_invalid_utf8: str = "error",
    warn: Callable[[str], object] = logger.warning,
) -> Iterator[str]:
    """Apply a policy to lines with bytes that could not be decoded.

    lines (Iterable[tuple[int, str]]): Numbers and lines, as `decode_lines` yields them.
    name (str): What the file is called in messages.
    encoding (str): Its encoding.
    on_invalid_utf8 (str): "error"; "replace", to put U+FFFD for such bytes; or "skip", to empty
        the line.
    warn (Callable[[str], object]): Called at the end if there were such lines.
    YIELDS (str): The lines.
    RAISES (ValueError): If there is no such policy, or it is "error" and a line is invalid.
    """
    check_choice("on_invalid_utf8", on_invalid_utf8, ON_INVALID_UTF8)
    invalid = first = 0
    try:
        for number, line in lines:
            if not SURROGATE.search(line):
                yield line
                continue
            if on_invalid_utf8 == "error":
                raise ValueError(
                    f"{name}, line {number}: bytes that are not {encoding}: {line[:60]!r}. "
                    f"Convert the file to UTF-8, or set the encoding that it has"
                )
            invalid, first = invalid + 1, first or number
            yield "" if on_invalid_utf8 == "skip" else SURROGATE.sub("\ufffd", line)
    finally:
        if invalid:
            outcome = "emptied" if on_invalid_utf8 == "skip" else "put U+FFFD into"
            warn(
                f"{name}: {outcome} {invalid} lines with bytes that are not {encoding}, the first "
                f'line {first} (on_invalid_utf8 = "{on_invalid_utf8}")'
            )


def read_text(path: Path, encoding: str = "utf8") -> str:
    """Read a whole file.

    path (Path): The file.
    encoding (str): Its encoding.
    RETURNS (str): Its text, with a line feed at the end of each line.
    RAISES (ValueError): If the file is damaged, or a line cannot be decoded.
    """
    lines = check_lines(read_lines(path, encoding), str(path), encoding)
    return "".join(f"{line}\n" for line in lines)
