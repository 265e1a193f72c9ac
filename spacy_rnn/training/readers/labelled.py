"""Labelled lines, such as those of TREC (Li and Roth 2002) and SST-2 (Socher et al. 2013)."""

from pathlib import Path

from .base import ReadOptions, Records
from .files import read_lines


def read_labelled(path: Path, options: ReadOptions) -> Records:
    """Read a label, a space and a text from each line that is not empty.

    Of a label such as "DESC:manner", with a finer class after a colon, the coarse class is read.

    path (Path): The file.
    options (ReadOptions): The encoding.
    YIELDS (Records): The columns "label" and "text".
    RAISES (ValueError): If a line has no text, or the file is damaged.
    """
    for number, line in read_lines(path, options.encoding):
        if not line.strip():
            continue
        label, space, text = line.strip().partition(" ")
        if not space:
            raise ValueError(
                f"{path}, line {number} is {line!r}: write a label, a space and a text"
            )
        yield number, {"label": label.partition(":")[0], "text": text.strip()}
