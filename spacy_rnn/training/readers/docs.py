"""Annotated documents in formats that spaCy reads itself."""

from collections.abc import Iterator
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.converters import conllu_to_docs

from .base import ReadOptions
from .files import read_text


def read_conllu(nlp: Language, path: Path, options: ReadOptions) -> Iterator[Doc]:
    """Read the sentences of a treebank in CoNLL-U.

    nlp (Language): The pipeline whose vocabulary the documents get.
    path (Path): The file.
    options (ReadOptions): The encoding.
    RETURNS (Iterator[Doc]): The sentences.
    RAISES (ValueError): If the file is malformed or damaged.
    """
    docs = conllu_to_docs(read_text(path, options.encoding), n_sents=1, no_print=True)
    # spaCy gives them a vocabulary of their own.
    return DocBin(docs=docs).get_docs(nlp.vocab)


def read_doc_bin(nlp: Language, path: Path, options: ReadOptions) -> Iterator[Doc]:
    """Read documents in spaCy's binary format.

    Those without tokens are left out, as in `spacy.Corpus.v1`.

    nlp (Language): The pipeline whose vocabulary the documents get.
    path (Path): The file.
    options (ReadOptions): None applies.
    RETURNS (Iterator[Doc]): The documents.
    """
    return (doc for doc in DocBin().from_disk(path).get_docs(nlp.vocab) if len(doc))
