"""Corpora of texts as training examples, streamed."""

from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

from spacy.language import Language
from spacy.training import Example

from ..checks import check_choice, check_count
from .readers.pairs import Pair, ReadPairs, open_texts

DOCUMENTS = ("line", "paragraph", "file")


def create_text_corpus_v1(
    path: str | Path | None,
    *,
    document: str = "line",
    field: str | int | None = None,
    split: str | None = None,
    subset: str | None = None,
    format: str | None = None,
    encoding: str = "utf8",
    limit: int = 0,
) -> "TextCorpus":
    """Read texts from a file or from the hub, without holding them all.

    path (str | Path | None): A file of lines or records in a format that `spacy rnn convert`
        reads, perhaps compressed as .gz, or the name of a data set
        on the Hugging Face hub if `split` is set.
    document (str): What becomes a document: each "line" or record that is not empty; each
        "paragraph", that is lines without an empty one between them; or the whole "file".
    field (str | int | None): The column of the text: a name, dotted where it is nested, or a
        number from 0 in tables. By default "text", and 0 in TSV.
    split (str | None): The split of a data set, such as "train".
    subset (str | None): The configuration of a data set that has several.
    format (str | None): The format of the file, such as "tsv"; None for that of its suffix.
    encoding (str): The encoding of text files.
    limit (int): The maximum number of documents, 0 for all.
    RETURNS (TextCorpus): A function from a pipeline to its examples.
    RAISES (ValueError): If the settings are wrong or a file is missing.
    """
    check_choice("document", document, DOCUMENTS)
    check_count("limit", limit, 0)
    read = open_texts(path, field, split, subset, format=format, encoding=encoding)
    return TextCorpus(read, str(path), document, limit)


class TextCorpus:
    """Iterate over the examples of a corpus of texts.

    read (ReadPairs): Starts to read from the first line or record.
    name (str): The file or the data set, for errors.
    document (str): "line", "paragraph" or "file".
    limit (int): The maximum number of documents, 0 for all.
    """

    def __init__(self, read: ReadPairs, name: str, document: str, limit: int):
        self.read = read
        self.name = name
        self.document = document
        self.limit = limit

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Make the examples.

        nlp (Language): The pipeline whose tokenizer splits the texts.
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
        lines = (self._check(pair) for pair in self.read())
        if self.document == "line":
            yield from (line for line in lines if line.strip())
        elif self.document == "paragraph":
            for blank, group in groupby(lines, key=lambda line: not line.strip()):
                if not blank:
                    yield "\n".join(group)
        else:
            yield "\n".join(lines)

    def _check(self, pair: Pair) -> str:
        """Return the text of a line or record, if it is there and UTF-8."""
        text = pair.sides[0]
        if text is None:
            raise ValueError(f"{self.name}, line {pair.number}: {pair.fault}")
        try:
            text.encode("utf8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{self.name}, line {pair.number}: bytes that are not UTF-8: {text[:60]!r}. "
                f"Convert the file to UTF-8, or set the encoding that it has"
            ) from error
        return text
