"""What a reader of a corpus format is, and what it yields."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ...text.bilingual.base import TranslationFile

logger = logging.getLogger("spacy")

Field = str | int
"""A column: its name, dotted where it is nested, or its number from 0."""

Record = dict[Any, Any]
"""Values by the names and, in tables, by the numbers of their columns."""


class UnreviewedRecord(Record):
    """A record whose translation is marked as unreviewed or obsolete."""


Records = Iterator[tuple[int, Record | str | None]]
"""Records with the number of their line or row, from 1. `None` stands for an empty line, a string
for a malformed one: it says what is wrong with it."""


OpenFile = Callable[[bytes, str], TranslationFile]
"""Reads a file of translations, given what it is called in errors."""


@dataclass(frozen=True)
class ReadOptions:
    """Options of all readers; each reader uses those that apply to its format.

    source_field (Field): The column of the text.
    target_fields (Sequence[Field]): The columns of its translations, none for texts alone.
    encoding (str): The encoding of a text file.
    on_conflict (str): What to do with an I- tag that continues no entity: "error" or "repair".
    merge_subtokens (str): Which written words that a treebank splits are one token: "always" all;
        "needed", those whose parts do not spell them; "auto", also those that the tokenizer does
        not split there.
    split (str | None): The split of a data set.
    subset (str | None): The configuration of a data set that has several.
    warn (Callable[[str], object]): Called with each warning.
    """

    source_field: Field = "text"
    target_fields: Sequence[Field] = ()
    encoding: str = "utf8"
    on_conflict: str = "error"
    merge_subtokens: str = "auto"
    split: str | None = None
    subset: str | None = None
    warn: Callable[[str], object] = logger.warning


@dataclass(frozen=True)
class Reader:
    """A corpus format. Subclasses differ in what a file of the format yields.

    name (str): The value of a `format` setting.
    suffixes (tuple[str, ...]): Suffixes of file names (below .gz) that have this format. None for
        a format that has to be set.
    contents (str): What the format holds, for help texts.
    """

    name: str
    suffixes: tuple[str, ...]
    contents: str


@dataclass(frozen=True)
class LineReader(Reader):
    """A format that holds a text in each line: one side of a parallel corpus.

    read (Callable[[Path, str], Iterator[tuple[int, str]]]): Yields numbers and lines, given a file
        and its encoding.
    """

    read: Callable[[Path, str], Iterator[tuple[int, str]]]


@dataclass(frozen=True)
class RecordReader(Reader):
    """A format that holds records: a text, perhaps its translations, perhaps annotation.

    read (Callable[[Path, ReadOptions], Records]): Yields the records of a file.
    source_field (Field): The default column of the text.
    target_field (Field | None): The default column of the translation. None for a format that
        holds no translations.
    label_field (str): The default column of the class.
    numbered (bool): Whether columns can be chosen by number.
    """

    read: Callable[[Path, ReadOptions], Records]
    source_field: Field = "text"
    target_field: Field | None = "translation"
    label_field: str = "intent"
    numbered: bool = False

    def to_field(self, field: Field) -> Field:
        """Convert the number of a column, which a command line gives as text.

        field (Field): A column.
        RETURNS (Field): The same column, a number if columns of this format have any.
        """
        return int(field) if self.numbered and str(field).isdecimal() else field


@dataclass(frozen=True)
class TranslationReader(RecordReader):
    """A format of files that translators work in, which a translator can fill, too.

    open (Callable[[bytes, str], TranslationFile]): Reads such a file, given what it is called in
        errors.
    """

    open: OpenFile = field(kw_only=True)


@dataclass(frozen=True)
class DocReader(Reader):
    """A format that holds annotated tokens.

    read (Callable[[Language, Path, ReadOptions], Iterable[Doc]]): Yields the documents of a file,
        given the pipeline whose vocabulary they get.
    """

    read: Callable[[Language, Path, ReadOptions], Iterable[Doc]]
