"""Turn labelled lines, such as those of TREC and SST-2, into documents with classes.

    python scripts/label_lines.py assets/trec/train.txt corpus/trec/train.spacy \\
        --encoding latin-1 --held-out corpus/trec/dev.spacy --size 500

A line is a label, a space and a text. Of labels such as "DESC:manner", with a finer class
after a colon, the coarse one is kept.
"""

import argparse
import random
from pathlib import Path

import spacy
from spacy.tokens import Doc, DocBin


def main() -> None:
    """Convert a file, and perhaps hold a part of it out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("source", type=Path, help="a file of labelled lines")
    parser.add_argument("output", type=Path, help="the .spacy file to write")
    parser.add_argument("--lang", default="en")
    parser.add_argument("--encoding", default="utf8")
    parser.add_argument("--held-out", type=Path, help="a .spacy file for a random part")
    parser.add_argument("--size", type=int, default=500, help="documents of that part")
    args = parser.parse_args()
    docs = read_docs(args.source, args.lang, args.encoding)
    if args.held_out:
        docs, held_out = split_docs(docs, args.size)
        write_docs(held_out, args.held_out)
    write_docs(docs, args.output)


def read_docs(path: Path, lang: str, encoding: str) -> list[Doc]:
    """Read documents, each with all classes of the file: 1.0 is its own."""
    nlp = spacy.blank(lang)
    text = path.read_text(encoding).removeprefix("\ufeff")
    pairs = [
        parse_line(line, f"{path}, line {number}")
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]
    labels = sorted({label for label, _ in pairs})
    docs = []
    for label, text in pairs:
        doc = nlp.make_doc(text)
        doc.cats = dict.fromkeys(labels, 0.0) | {label: 1.0}
        docs.append(doc)
    return docs


def split_docs(docs: list[Doc], size: int) -> tuple[list[Doc], list[Doc]]:
    """Hold out some documents, always the same."""
    if size >= len(docs):
        raise SystemExit(f"{size} of {len(docs)} documents held out leave none to train on")
    order = random.Random(0).sample(docs, len(docs))
    return order[size:], order[:size]


def parse_line(line: str, place: str) -> tuple[str, str]:
    """Cut a line into its label and its text."""
    label, space, text = line.strip().partition(" ")
    if not space:
        raise ValueError(f"{place} is {line!r}: write a label, a space and a text")
    return label.partition(":")[0], text.strip()


def write_docs(docs: list[Doc], path: Path) -> None:
    """Write documents in spaCy's binary format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs).to_disk(path)
    print(f"Documents written to {path}: {len(docs)}")


if __name__ == "__main__":
    main()
