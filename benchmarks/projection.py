"""Project entities onto translations of the phrasebook, and learn from them.

    python benchmarks/projection.py training/phrasebook/model-best

The English sentences have their entities; the grammar that wrote them knows those of the German
ones. Counted are the entities of test's translations, but for translations that differ from the
reference, whose entities nobody knows. Then `rnn_ner` learns German entities twice: from those
that are projected onto translations of train, and from the grammar's own.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import spacy
from pipeline import train_pipeline, write_corpus
from spacy.language import Language
from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Corpus
from thinc.api import fix_random_seed

from spacy_rnn.pipeline.translator.projection import project

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from make_phrasebook import Record, compose
from phrasebook.english import write
from phrasebook.marks import Entity

SIZES = {"train": 15_000, "dev": 300, "test": 300}


def main() -> None:
    """Print precision, recall and F1."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", help="a translator from English to German")
    parser.add_argument("--errors", action="store_true", help="show what is projected wrongly")
    parser.add_argument("--steps", type=int, default=500, help="steps of each training")
    parser.add_argument("--limit", type=int, default=15_000, help="sentences to learn from")
    args = parser.parse_args()
    records = compose(SIZES)
    nlp, german = spacy.load(args.model), spacy.blank("de")
    count_entities(nlp, german, records["test"], args.errors)
    train = records["train"][: args.limit]
    start = time.perf_counter()
    projected = [project(doc, german.make_doc) for doc in translate(nlp, train)]
    print(f"{len(train)} sentences translated and projected: {time.perf_counter() - start:.0f} s")
    test = [make_german(german, record) for record in records["test"]]
    for name, docs in (
        ("projections", projected),
        ("the grammar", [make_german(german, record) for record in train]),
    ):
        print(f"rnn_ner of {name}: F1 {train_recognizer(docs, test, args.steps):.1%}")


def count_entities(
    nlp: Language, german: Language, records: list[Record], shows_errors: bool
) -> None:
    """Compare projected entities to the grammar's."""
    score, compared = PRFScore(), 0
    for doc, record in zip(translate(nlp, records), records, strict=True):
        if doc._.translation != record.translation:
            continue
        compared += 1
        target = project(doc, german.make_doc)
        gold = make_german(german, record)
        found, right = (set(map(describe, each.ents)) for each in (target, gold))
        score.score_set(found, right)
        if shows_errors and found != right:
            print(f"{doc.text} | {target.text} | {found - right} | {right - found}")
    print(f"{compared} of {len(records)} sentences are translated as the reference is")
    print(
        f"entities there: precision {score.precision:.1%}, recall {score.recall:.1%}, "
        f"F1 {score.fscore:.1%}"
    )


def translate(nlp: Language, records: Iterable[Record]) -> Iterable[Doc]:
    """Translate sentences that have their entities."""
    pairs = (write(list(record.words)) for record in records)
    return nlp.pipe((annotate(nlp, text, entities) for text, entities in pairs), batch_size=1000)


def make_german(german: Language, record: Record) -> Doc:
    """Make a German sentence with its entities."""
    return annotate(german, record.translation, record.translation_entities)


def annotate(nlp: Language, text: str, entities: Iterable[Entity]) -> Doc:
    """Make a document with entities, of whole tokens: "7." is one in German."""
    doc = nlp.make_doc(text)
    spans = (doc.char_span(*entity, alignment_mode="expand") for entity in entities)
    doc.set_ents([span for span in spans if span is not None])
    return doc


def describe(entity: spacy.tokens.Span) -> Entity:
    """Say where an entity is."""
    return entity.start_char, entity.end_char, entity.label_


def train_recognizer(docs: list[Doc], test: list[Doc], steps: int) -> float:
    """Train an entity recognizer, and return its F1."""
    fix_random_seed(0)
    nlp = spacy.blank("de")
    nlp.add_pipe("rnn_ner")
    with tempfile.TemporaryDirectory() as folder:
        train, dev = (
            Corpus(write_corpus(each, Path(folder), name))
            for name, each in (("train", docs), ("test", test))
        )
        optimizer = nlp.initialize(lambda: train(nlp))
        return train_pipeline(nlp, optimizer, train, dev, steps, "ents_f")["score"]


if __name__ == "__main__":
    main()
