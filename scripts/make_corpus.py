"""Turn annotated text into spaCy's own format.

    python scripts/make_corpus.py train.conllu dev.conllu test.conllu corpus/treebank

What a file holds is told by the end of its name:

.jsonl   a record a line: text, tokens, tags, entities, as in assets/phrasebook
.conllu  CoNLL-U, read as `spacy convert` does
.conll   a token and its BIO tag a line, with a tab between them, texts parted by empty lines
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import spacy
from read_bio import read_bio
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.converters import conllu_to_docs

from spacy_rnn.training.records import make_annotated_doc

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
        path = getattr(args, part)
        docs = list(read_docs(nlp, path, args.on_conflict))
        DocBin(docs=docs).to_disk(args.output / f"{part}.spacy")
        words, entities = (sum(map(len, each)) for each in (docs, [doc.ents for doc in docs]))
        print(f"{path}: {len(docs):,} texts, {words:,} tokens, {entities:,} entities")


def read_docs(nlp: Language, path: Path, on_conflict: str) -> Iterator[Doc]:
    """Read the documents of a file."""
    text = path.read_text(encoding="utf8")
    if path.suffix == ".jsonl":
        for line in text.splitlines():
            record = json.loads(line)
            yield make_annotated_doc(nlp, record["text"], record)
    elif path.suffix == ".conllu":
        yield from conllu_to_docs(text, n_sents=1, no_print=True)
    elif path.suffix == ".conll":
        sentences, repaired = read_bio(text, on_conflict)
        if repaired:
            print(f"{path}: {repaired} tags I- that continued nothing were read as B-")
        for words, tags in sentences:
            yield Doc(nlp.vocab, words=words, ents=tags)
    else:
        raise SystemExit(f"{path}: the name has to end in .jsonl, .conllu or .conll")


if __name__ == "__main__":
    main()
