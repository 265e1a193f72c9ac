"""Annotated documents in spaCy's own format."""

from collections.abc import Iterator
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from .base import ReadOptions


def read_doc_bin(nlp: Language, path: Path, options: ReadOptions) -> Iterator[Doc]:
    """Read documents in spaCy's binary format.

    Those without tokens are left out, as in `spacy.Corpus.v1`.

    nlp (Language): The pipeline whose vocabulary the documents get.
    path (Path): The file.
    options (ReadOptions): None applies.
    RETURNS (Iterator[Doc]): The documents.
    """
    return (doc for doc in DocBin().from_disk(path).get_docs(nlp.vocab) if len(doc))
