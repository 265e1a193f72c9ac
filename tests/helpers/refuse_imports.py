"""Make imports of some packages fail, as where they are not installed."""

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Refusal(MetaPathFinder):
    def __init__(self, packages: Sequence[str]):
        self.packages = packages

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if any(f"{fullname}.".startswith(f"{package}.") for package in self.packages):
            raise ModuleNotFoundError(f"No module named {fullname!r}: it is refused here")
        return None


def refuse_imports(*packages: str) -> None:
    """Refuse to import packages, and check that none of them has been imported before.

    packages (str): Their names, such as "spacy" or "spacy_rnn.nn".
    """
    imported = [name for name in packages if name in sys.modules]
    assert not imported, f"imported before they could be refused: {imported}"
    sys.meta_path.insert(0, _Refusal(packages))


def import_all(package: str) -> int:
    """Import a package and every module in it; return how many modules these are.

    A module that needs numba, which is an extra, is left out where that is not installed.
    """
    folder = importlib.import_module(package).__path__
    names = [module.name for module in pkgutil.walk_packages(folder, f"{package}.")]
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != "numba":
                raise
    return len(names)
