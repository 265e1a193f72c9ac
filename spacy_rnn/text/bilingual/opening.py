"""Which class reads a file of translations."""

from collections.abc import Callable, Mapping

from .base import TranslationFile
from .tmx import TmxFile
from .xliff1 import Xliff1File
from .xliff2 import Xliff2File
from .xml import XmlFile

Versions = Mapping[str, Callable[[XmlFile], TranslationFile]]
"""Classes by the versions of a format."""

XLIFF: Versions = {"1.2": Xliff1File, "2.0": Xliff2File, "2.1": Xliff2File}
TMX: Versions = dict.fromkeys(("1.1", "1.2", "1.3", "1.4"), TmxFile)


def open_xliff(data: bytes, name: str) -> TranslationFile:
    """Read a file of XLIFF.

    data (bytes): The file.
    name (str): What it is called in errors.
    RETURNS (TranslationFile): The file.
    RAISES (ValueError): If it is no well-formed XML, or no XLIFF of a known version.
    """
    return _open(XmlFile(data, name), "xliff", XLIFF)


def open_tmx(data: bytes, name: str) -> TranslationFile:
    """Read a translation memory.

    data (bytes): The file.
    name (str): What it is called in errors.
    RETURNS (TranslationFile): The file.
    RAISES (ValueError): If it is no well-formed XML, or no TMX of a known version.
    """
    return _open(XmlFile(data, name), "tmx", TMX)


def _open(file: XmlFile, root: str, versions: Versions) -> TranslationFile:
    """Open a file by its version, and refuse another format or version."""
    if file.root.name != root:
        raise ValueError(
            f"{file.name}, line {file.root.line}: the file begins with <{file.root.name}>, but "
            f"has to begin with <{root}>. Name its format with --format"
        )
    version = file.root.attributes.get("version", "").removesuffix("a").removesuffix("b")
    if version not in versions:
        raise ValueError(
            f"{file.name}, line {file.root.line}: version is {version!r}, but has to be one of "
            f"{', '.join(versions)}. Export the file in one of these"
        )
    return versions[version](file)
