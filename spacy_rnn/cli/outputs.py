"""What commands write takes the place of nothing that they read."""

import gzip
import sys
from collections.abc import Iterable
from pathlib import Path

from ..training.atomic import replace_file


def check_outputs(
    outputs: Iterable[str | Path | None], inputs: Iterable[str | Path | None]
) -> None:
    """Refuse to write over what is read, or twice to the same place.

    outputs (Iterable[str | Path | None]): Files or folders to write; None where an option is not
        used.
    inputs (Iterable[str | Path | None]): Files or folders to read. Names of packages and data
        sets, which are no paths, may be among them.
    RAISES (ValueError): If an output is an input, or holds one, or is another output.
    """
    read = [path for path in _resolve(inputs) if path.exists()]
    written: set[Path] = set()
    for path in _resolve(outputs):
        kind = "folder" if path.is_dir() else "file"
        if any(path in (each, *each.parents) for each in read):
            raise ValueError(
                f"{path} would be replaced, but the command reads from it: name another {kind} to "
                f"write"
            )
        if path in written:
            raise ValueError(f"{path} would be written twice: name another {kind} for one of them")
        written.add(path)


def write_output(data: bytes, path: Path | None) -> None:
    """Write what a command makes.

    data (bytes): What it makes.
    path (Path | None): The file, which is replaced as a whole, and compressed if its name ends
        with .gz; None for standard output.
    """
    if path is not None:
        replace_file(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
        return
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def check_corpus_output(path: Path) -> None:
    """Refuse a file to write that is no .spacy file.

    path (Path): The file.
    RAISES (ValueError): If its name does not end with .spacy.
    """
    if path.suffix != ".spacy":
        raise ValueError(f"{str(path)!r} does not end with .spacy: name the file to write last")


def _resolve(paths: Iterable[str | Path | None]) -> list[Path]:
    """Resolve paths, without those of devices and pipes, which hold nothing."""
    resolved = [Path(path).resolve() for path in paths if path is not None]
    return [path for path in resolved if path.is_file() or path.is_dir() or not path.exists()]
