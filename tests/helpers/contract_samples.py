"""The components of this package, each small, with examples that it learns in a few steps.

To put one more under the contract, add a row to `SAMPLES`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import spacy
import stock_pipelines
import toy_translator
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam

TOK2VEC = stock_pipelines.tok2vec_config(stock_pipelines.BILSTM)
CRF = {"output": "crf", "tok2vec": TOK2VEC}


class Sample(NamedTuple):
    """A component under the contract.

    factory (str): Its factory.
    config (dict): Its settings.
    score (str): A score that is above `learned` once it knows its examples by heart.
    read (Callable[[Doc], Any]): Gives what it wrote to a document, in plain types.
    make_examples (Callable[[Language], list[Example]]): Makes what it learns.
    learned (float): What that score comes to, by and large.
    steps (int): After how many steps.
    has_labels (bool): Whether it learns labels, and nothing without them.
    """

    factory: str
    config: dict
    score: str
    read: Callable[[Doc], Any]
    make_examples: Callable[[Language], list[Example]] = stock_pipelines.make_examples
    learned: float = 0.95
    steps: int = 40
    has_labels: bool = True


def read_tags(doc: Doc) -> list:
    return [(token.tag_, token.pos_, str(token.morph)) for token in doc]


def read_confidences(doc: Doc) -> list:
    return [(str(token.morph), round(token._.morph_confidence, 4)) for token in doc]


def read_entities(doc: Doc) -> list:
    confidences = [round(entity._.confidence, 4) for entity in doc.ents]
    return [doc.to_json()["ents"], confidences]


def read_sets(doc: Doc) -> list:
    return [
        ([tuple(entity) for entity in each["entities"]], round(each["probability"], 4))
        for each in doc._.ents_nbest
    ]


def read_classes(doc: Doc) -> dict:
    return {label: round(score, 4) for label, score in doc.cats.items()}


def make_class_examples(nlp: Language) -> list[Example]:
    """Make documents of three classes, of which the first document has only two."""
    examples = stock_pipelines.make_examples(nlp)
    for example in examples:
        labels = {entity.label_ for entity in example.reference.ents} or {"NOBODY"}
        own = "PLACE" if "PLACE" in labels else labels.pop()
        classes = dict.fromkeys(("PERSON", "PLACE", "NOBODY"), 0.0)
        example.reference.cats = classes | {own: 1.0}
    del examples[0].reference.cats["NOBODY"]
    return examples


def read_translations(doc: Doc) -> list:
    return [
        (
            each["text"],
            round(each["score"], 3),
            [(part["start"], part["end"], len(part["source"])) for part in each["alignment"]],
        )
        for each in doc._.translations
    ]


def make_translations(nlp: Language) -> list[Example]:
    """Make documents whose translation is the same in capitals."""
    examples = stock_pipelines.make_examples(nlp)
    for example in examples:
        example.reference._.translation = example.reference.text.upper()
    return examples


def read_surprisal(doc: Doc) -> list:
    bits = [math.log2(doc._.perplexity), *(token._.surprisal for token in doc)]
    return [round(surprisal, 2) for surprisal in bits]


TRANSLATOR = toy_translator.SMALL["model"]
TEXTCAT = {"ngram_rows": 512, "tok2vec": TOK2VEC}
SAMPLES = {
    "tagger": Sample("rnn_tagger", {"model": {"tok2vec": TOK2VEC}}, "tag_acc", read_tags),
    "CRF tagger": Sample("rnn_tagger", {"model": CRF}, "tag_acc", read_tags),
    "morphology": Sample(
        "rnn_tagger",
        {"attr": "morph", "confidence": True, "model": CRF},
        "morph_acc",
        read_confidences,
    ),
    "ner": Sample("rnn_ner", {"model": {"tok2vec": TOK2VEC}}, "ents_f", read_entities),
    "n best": Sample("rnn_ner", {"n_best": 3, "model": {"tok2vec": TOK2VEC}}, "ents_f", read_sets),
    "classifier": Sample(
        "rnn_textcat", {"model": TEXTCAT}, "cats_micro_f", read_classes, make_class_examples
    ),
    "classifier of many": Sample(
        "rnn_textcat_multilabel",
        {"model": TEXTCAT},
        "cats_micro_f",
        read_classes,
        make_class_examples,
    ),
    "translator": Sample(
        "rnn_translator",
        {"vocab_size": 320, "search": {"beam_width": 2}, "model": TRANSLATOR},
        "rnn_translator_bleu",
        read_translations,
        make_translations,
        learned=95,
        steps=80,
        has_labels=False,
    ),
    "language model": Sample(
        "rnn_lm",
        {"min_count": 1, "model": {"embed_width": 32, "network": {"width": 32, "depth": 1}}},
        "rnn_lm_inverse_perplexity",
        read_surprisal,
        learned=0.6,
        steps=80,
        has_labels=False,
    ),
}


def make_pipeline(sample: Sample) -> Language:
    """Make a blank pipeline with the component."""
    nlp = spacy.blank("en")
    nlp.add_pipe(sample.factory, config=sample.config)
    return nlp


def train(sample: Sample, steps: int | None = None) -> Language:
    """Make a pipeline and train it, by default until it knows its examples."""
    nlp = make_pipeline(sample)
    examples = sample.make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(sample.steps if steps is None else steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


def component_of(nlp: Language) -> TrainablePipe:
    """Give the first component of a pipeline."""
    return nlp.pipeline[0][1]


def all_weights(nlp: Language) -> dict[str, np.ndarray]:
    """Give the weights of its networks and of Thinc's own layers."""
    model = component_of(nlp).model
    return stock_pipelines.weights(model) | stock_pipelines.parameters(model)
