"""Turn the three parts of a corpus into spaCy's own format.

    python scripts/make_corpus.py train.conllu dev.conllu test.conllu corpus/treebank

What a file holds is told by the end of its name:

.conllu  CoNLL-U, read as `spacy convert` does
.conll   a token and its BIO tag a line, with a tab between them, texts parted by empty lines
others   text and its translation, perhaps annotated, read as `spacy rnn convert` does
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import spacy
from read_bio import read_bio
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.converters import conllu_to_docs

from spacy_rnn.cli.convert import convert

PARTS = ("train", "dev", "test")


def main() -> None:
    """Write a file for each part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for part in PARTS:
        parser.add_argument(part, type=Path)
    parser.add_argument("output", type=Path, help="a folder")
    parser.add_argument("--lang", default="en")
    parser.add_argument(
        "--on-conflict",
        choices=("error", "repair"),
        default="error",
        help="what to do where a tag I- continues nothing: stop, or read it as B-",
    )
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    nlp = spacy.blank(args.lang)
    for part in PARTS:
        path, output = getattr(args, part), args.output / f"{part}.spacy"
        if path.suffix == ".conllu":
            write(conllu_to_docs(path.read_text("utf-8-sig"), n_sents=1, no_print=True), output)
        elif path.suffix == ".conll":
            write(read_entities(nlp, path, args.on_conflict), output)
        else:
            convert(path, None, output, lang=args.lang, silent=False)


def read_entities(nlp: Language, path: Path, on_conflict: str) -> Iterable[Doc]:
    """Read texts with BIO tags."""
    sentences, repaired = read_bio(path.read_text("utf8"), on_conflict)
    if repaired:
        print(f"{path}: {repaired} tags I- that continued nothing were read as B-")
    return (Doc(nlp.vocab, words=words, ents=tags) for words, tags in sentences)


def write(docs: Iterable[Doc], path: Path) -> None:
    """Write documents, and print how much they hold."""
    docs = list(docs)
    DocBin(docs=docs).to_disk(path)
    words, entities = (sum(map(len, each)) for each in (docs, [doc.ents for doc in docs]))
    print(f"{path}: {len(docs):,} texts, {words:,} tokens, {entities:,} entities")


if __name__ == "__main__":
    main()
