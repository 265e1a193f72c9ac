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
from wasabi import msg

from spacy_rnn.cli.convert import convert
from spacy_rnn.training.parallel import RULES

PARTS = ("train", "dev", "test")


def main() -> None:
    """Write a file for each part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for part in PARTS:
        parser.add_argument(part, type=to_path)
    parser.add_argument("output", type=Path, help="a folder")
    parser.add_argument("--lang", default="en")
    parser.add_argument(
        "--on-conflict",
        choices=("error", "repair"),
        default="error",
        help="what to do where a tag I- continues nothing: stop, or read it as B-",
    )
    parser.add_argument("--max-length", type=int, default=0, help="characters, 0 for any number")
    for rule, (choices, fault, _) in RULES.items():
        parser.add_argument(
            f"--{rule.replace('_', '-')}",
            choices=choices,
            default="error",
            help=f"what to do with {fault.format(max_length='--max-length')}",
        )
    args = parser.parse_args()
    for part in PARTS:
        path = getattr(args, part)
        try:
            make(path, args.output / f"{part}.spacy", args)
        except (ImportError, OSError, ValueError) as error:
            msg.fail(f"{path} was not converted", str(error), exits=1)


def to_path(text: str) -> Path:
    """Read a path. On Windows a project's command hands on the quotes that stand around it."""
    return Path(text.strip('"'))


def make(path: Path, output: Path, args: argparse.Namespace) -> None:
    """Write the file of a part."""
    output.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".conllu":
        write(conllu_to_docs(path.read_text("utf-8-sig"), n_sents=1, no_print=True), output)
    elif path.suffix == ".conll":
        write(read_entities(spacy.blank(args.lang), path, args.on_conflict), output)
    else:
        rules = {rule: getattr(args, rule) for rule in RULES}
        settings = {"lang": args.lang, "max_length": args.max_length, **rules}
        convert(path, None, output, silent=False, **settings)


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
