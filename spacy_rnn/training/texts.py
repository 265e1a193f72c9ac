"""Texts as training examples, read bit by bit."""

from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

from spacy.language import Language
from spacy.training import Example

from ..checks import check_choice, check_count
from .readers.sources import Read, open_texts

DOCUMENTS = ("line", "paragraph", "file")


def create_text_corpus_v1(
    path: str | Path | None,
    *,
    document: str = "line",
    field: str | int | None = None,
    split: str | None = None,
    subset: str | None = None,
    limit: int = 0,
) -> "TextCorpus":
    """Read texts from a file or from the hub, without holding them all.

    path (str | Path | None): A file of text, .tsv, .jsonl or .parquet, each perhaps .gz, or the
        name of a data set on the Hugging Face hub where `split` is set.
    document (str): What becomes a document: each "line" or record that is not empty; each
        "paragraph", that is lines without an empty one between them; or the whole "file".
    field (str | int | None): The column of the text: a name, dotted where it is nested, or in TSV
        a number from 0. By default "text", and 0 in TSV.
    split (str | None): The part of a data set, such as "train".
    subset (str | None): The configuration of a data set that has several.
    limit (int): Documents to stop after, 0 for none.
    RETURNS (TextCorpus): A function from a pipeline to its examples.
    RAISES (ValueError): If the settings are wrong or a file is missing.
    """
    check_choice("document", document, DOCUMENTS)
    check_count("limit", limit, 0)
    return TextCorpus(open_texts(path, field, split, subset), str(path), document, limit)


class TextCorpus:
    """Iterate over the examples of a corpus of texts.

    read (Read): Starts to read from the first line or record.
    name (str): What is read, for errors.
    document (str): "line", "paragraph" or "file".
    limit (int): Documents to stop after, 0 for none.
    """

    def __init__(self, read: Read, name: str, document: str, limit: int):
        self.read = read
        self.name = name
        self.document = document
        self.limit = limit

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Make the examples.

        nlp (Language): The pipeline whose tokenizer cuts the texts.
        YIELDS (Example): The examples.
        RAISES (ValueError): If a text holds bytes that are not UTF-8.
        """
        for text in islice(self.texts(), self.limit or None):
            yield Example(nlp.make_doc(text), nlp.make_doc(text))

    def texts(self) -> Iterator[str]:
        """Read the texts.

        YIELDS (str): The text of each document.
        RAISES (ValueError): If a text holds bytes that are not UTF-8.
        """
        lines = (self._check(pair.number, pair.sides[0] or "") for pair in self.read())
        if self.document == "line":
            yield from (line for line in lines if line.strip())
        elif self.document == "paragraph":
            for blank, group in groupby(lines, key=lambda line: not line.strip()):
                if not blank:
                    yield "\n".join(group)
        else:
            yield "\n".join(lines)

    def _check(self, number: int, text: str) -> str:
        try:
            text.encode("utf8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{self.name}, line {number}: bytes that are not UTF-8: {text[:60]!r}. Convert "
                f"the file to UTF-8"
            ) from error
        return text
