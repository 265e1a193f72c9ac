"""Files and folders that are replaced as a whole, and checkpoints of `spacy train` by them."""

import ctypes
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import srsly
from spacy.language import Language
from spacy.training import loop

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
"""Of Linux: `linux/fcntl.h` and `linux/fs.h`. macOS has the same number as `RENAME_SWAP`."""

_replaced = threading.local()
"""The path of the best checkpoint while spaCy may be about to replace it."""


def create_atomic_checkpoints_v1(
    callback: Callable[[Language], Language] | None = None,
) -> Callable[[Language], Language]:
    """Create a callback for `training.before_to_disk` that has each checkpoint replaced at once.

    spaCy writes `model-last` file by file over the one before, and copies it to `model-best`
    after deleting that one: a training that is killed meanwhile leaves a broken pipeline. With
    this callback both are written beside and then renamed.

    callback (Callable[[Language], Language] | None): Another callback, to be run before.
    RETURNS (Callable[[Language], Language]): The callback.
    """
    # spaCy's loop copies the best checkpoint by two functions of shutil and has no hook there.
    changed = {"rmtree": _remove_unless_replaced, "copytree": copy_directory}
    vars(loop)["shutil"] = SimpleNamespace(**{**vars(shutil), **changed})

    def before_to_disk(nlp: Language) -> Language:
        return _writing_whole(callback(nlp) if callback else nlp)

    return before_to_disk


def _writing_whole(nlp: Language) -> Language:
    """Return a view of a pipeline, the same in all but how it is written to disk."""
    kind = type(nlp)

    def to_disk(self: Language, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        replace_directory(path, lambda new: kind.to_disk(self, new, exclude=exclude))
        _replaced.path = Path(path).parent / loop.DIR_MODEL_BEST

    view: Language = object.__new__(type(kind.__name__, (kind,), {"to_disk": to_disk}))
    view.__dict__ = nlp.__dict__
    return view


def _remove_unless_replaced(path: str | Path) -> None:
    """Delete a folder, but not a checkpoint that the next call replaces.

    spaCy's loop deletes those of former trainings by their names as strings.
    """
    if path != getattr(_replaced, "path", None):
        shutil.rmtree(path)


def copy_directory(source: str | Path, target: str | Path) -> None:
    """Copy a folder; at no moment is the target a part of it.

    source (str | Path): The folder.
    target (str | Path): Where the copy will be, whether or not there is a folder.
    """
    replace_directory(target, lambda new: shutil.copytree(source, new))


def keep_model(model: Path, step: int, number: int) -> None:
    """Copy a model to "model-STEP" beside it, and delete all but the last of such copies.

    Copies of later steps are of a former training, or of steps that are taken once more.

    model (Path): The folder of the model.
    step (int): The step that it was saved at.
    number (int): How many copies stay.
    """
    copy_directory(model, model.with_name(f"model-{step}"))
    steps = sorted(
        int(path.name.removeprefix("model-"))
        for path in model.parent.glob("model-*")
        if path.name.removeprefix("model-").isdecimal()
    )
    last = steps.index(step) + 1
    for other in {*steps} - {*steps[max(0, last - number) : last]}:
        shutil.rmtree(model.with_name(f"model-{other}"))


def replace_directory(path: str | Path, write: Callable[[Path], object]) -> None:
    """Write a folder beside another one and exchange the two.

    Whenever the process ends, the path leads to the old folder or to the new one, each whole.
    What it leaves beside is deleted by the next call. Where the system cannot exchange two
    folders in one operation, as on Windows or NFS, nothing is at the path between two renames:
    what was there is then beside it, as ".NAME.old", and the next call puts it back.

    path (str | Path): The folder, which need not exist yet.
    write (Callable[[Path], object]): Writes the new one to a path where there is nothing.
    """
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    new, old = (path.with_name(f".{path.name}.{state}") for state in ("new", "old"))
    if old.exists() and not path.exists():
        old.rename(path)  # The process ended between two renames.
    shutil.rmtree(new, ignore_errors=True)
    write(new)
    for folder, _, names in os.walk(new):
        for name in [*names, ""]:
            _flush(os.path.join(folder, name))
    if not path.exists():
        new.rename(path)
    elif not _exchange(new, path):
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
        new.rename(path)
        old.rename(new)
    _flush(path.parent)
    shutil.rmtree(new, ignore_errors=True)


def replace_json(path: str | Path, data: Any) -> None:
    """Write JSON beside a file and rename it, as `replace_file` does.

    path (str | Path): The file.
    data (Any): What JSON can hold.
    """
    replace_file(path, srsly.json_dumps(data, indent=2).encode("utf8"))


def replace_file(path: str | Path, data: bytes) -> None:
    """Write a file beside another one and rename it: the path has the one or the other.

    path (str | Path): The file, which need not exist yet. What is no file, such as /dev/stdout, is
        written to.
    data (bytes): Its new contents.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        Path(path).write_bytes(data)
        return
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(data)
    _flush(new)
    new.replace(path)
    _flush(path.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one operation, or return False where the system has none."""
    paths = os.fsencode(one), os.fsencode(other)
    if os.name != "posix":
        return False
    libc = ctypes.CDLL(None)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        return libc.renamex_np(*paths, _RENAME_EXCHANGE) == 0
    if hasattr(libc, "renameat2"):
        ends = _AT_FDCWD, paths[0], _AT_FDCWD, paths[1]
        return libc.renameat2(*ends, _RENAME_EXCHANGE) == 0
    return False


def _flush(path: str | Path) -> None:
    """Have a file or folder written to the device, so that it outlives a loss of power."""
    if os.name != "posix" and os.path.isdir(path):
        return  # Windows opens no folders.
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
