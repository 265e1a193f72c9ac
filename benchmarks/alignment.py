"""Compare the alignments of translators with the links that the phrasebook's grammar knows.

    python benchmarks/alignment.py training/phrasebook/model-best

The references are forced upon the translators, so that all sentences count. Beside them stands the
statistical aligner that guides trainings, which has learned from the words of train. The links are
those of `token._.source`, sure and possible ones those of `scripts/phrasebook/links.py`.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import spacy
from wasabi import table

from spacy_rnn.metrics.alignment import AlignmentScore, Link
from spacy_rnn.metrics.registry import format_score
from spacy_rnn.pipeline.translator.links import Links
from spacy_rnn.pipeline.translator.projection import project
from spacy_rnn.text.aligner import Aligner

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from make_phrasebook import Record, compose

SIZES = {"train": 15_000, "dev": 300, "test": 300}
GERMAN = spacy.blank("de")


def main() -> None:
    """Print error rates, precisions and recalls."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("models", nargs="+", help="translators from English to German")
    parser.add_argument("--part", default="test", choices=("dev", "test"))
    parser.add_argument("--errors", action="store_true", help="show links wrong and missing")
    args = parser.parse_args()
    records = compose(SIZES)
    part = records[args.part]
    rows = []
    for name, found in (
        ("aligner", align_statistically(records["train"], part)),
        *((model, align_by_attention(model, part)) for model in args.models),
    ):
        score = AlignmentScore()
        sentences = 0
        for record, links in zip(part, found, strict=True):
            if links is None:
                continue
            sentences += 1
            sure, possible = read_links(record)
            score.add(links, sure, possible)
            if args.errors:
                show_errors(record, links - possible, sure - links)
        shares = (score.error_rate, score.precision, score.recall)
        rows.append((name, sentences, *(format_score("aer", share) for share in shares)))
    header = ("alignment", "sentences", "AER", "precision", "recall")
    print(table(rows, header, divider=True, aligns=("l", "r", "r", "r", "r")))


def align_by_attention(model: str, records: list[Record]) -> Iterator[set[Link] | None]:
    """Link the words of references by the attention of a translator that has to write them.

    Yields None for a sentence that it translates as several, or goes on after the reference.
    """
    nlp = spacy.load(model)
    docs = [nlp.make_doc(record.text) for record in records]
    for doc, record in zip(docs, records, strict=True):
        doc._.translation_prefix = record.translation
    for doc, record in zip(nlp.pipe(docs), records, strict=True):
        if doc._.translation != record.translation:
            yield None
            continue
        tokens = project(doc, GERMAN.make_doc)
        yield {(token.i, source) for token in tokens for source in token._.source}


def align_statistically(train: list[Record], records: list[Record]) -> Iterator[set[Link]]:
    """Link the words of references by the aligner, which reads words in small letters."""
    pairs = [read_words(record) for record in (*train, *records)]
    sides = list(zip(*pairs, strict=True))
    numbers = [
        {word: number for number, word in enumerate(dict.fromkeys(chain.from_iterable(side)))}
        for side in sides
    ]
    sources, targets = (
        [[known[word] for word in words] for words in side]
        for known, side in zip(numbers, sides, strict=True)
    )
    known = len(train)
    aligner = Aligner(zip(sources[:known], targets[:known], strict=True), *map(len, numbers))
    for dense in aligner.align(sources[known:], targets[known:]):
        indices = dense.nonzero()
        kept = Links(*indices, dense[indices], len(dense)).keep_strong()
        yield {*zip(kept.targets.tolist(), kept.sources.tolist(), strict=True)}


def read_words(record: Record) -> tuple[list[str], list[str]]:
    """Read the words of both languages in small letters, as spaCy's tokenizers cut them."""
    german = GERMAN.make_doc(record.translation)
    return [word.text.lower() for word in record.words], [token.lower_ for token in german]


def read_links(record: Record) -> tuple[set[Link], set[Link]]:
    """Read the sure and the possible links between tokens."""
    german = GERMAN.make_doc(record.translation)
    tokens = [
        german.char_span(word.start, word.end, alignment_mode="expand")
        for word in record.translation_words
    ]
    sure, possible = (
        {(token.i, source) for index, source in links for token in tokens[index]}
        for links in (record.links.sure, record.links.possible)
    )
    return sure, possible


def show_errors(record: Record, wrong: set[Link], missing: set[Link]) -> None:
    """Print the links that are wrong or missing."""
    source, target = read_words(record)
    for name, links in (("wrong", wrong), ("missing", missing)):
        for index, other in sorted(links):
            print(f"{name}: {source[other]} {target[index]} | {record.text}")


if __name__ == "__main__":
    main()
