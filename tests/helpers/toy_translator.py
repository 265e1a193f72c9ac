"""A small translator of numbers, which it learns to say backwards in English."""

import spacy
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four", "fünf": "five"}

SMALL = {
    "vocab_size": 285,
    "model": {
        "encoder": {"embed_width": 32, "network": {"width": 64}},
        "attention": {"width": 32},
        "decoder": {
            "embed_width": 32,
            "readout_width": 32,
            "label_smoothing": 0.0,
            "network": {"width": 64},
        },
    },
    "search": {"beam_width": 3},
}

TEXTS = ["eins zwei drei", "vier", "fünf fünf eins zwei", "drei vier"]

LONG = "\n".join(TEXTS)


def make_texts():
    """Write numbers, and the same translated and backwards."""
    words = list(WORDS)
    rows = [[words[(3 * i + 2 * j) % 5] for j in range(1 + i % 4)] for i in range(20)]
    rows += [text.split() for text in (*TEXTS, "eins zwei", "vier fünf", "drei")]
    return [(" ".join(row), " ".join(WORDS[word] for word in reversed(row))) for row in rows]


def make_examples(nlp, attr="translation"):
    examples = []
    for source, target in make_texts():
        reference = nlp.make_doc(source)
        reference._.set(attr, target)
        examples.append(Example(nlp.make_doc(source), reference))
    return examples


def make_pipeline(config=SMALL, name="rnn_translator", nlp=None):
    nlp = nlp or spacy.blank("de")
    nlp.add_pipe("rnn_translator", name=name, config=config)
    return nlp


def train(nlp, steps=200, attr="translation"):
    fix_random_seed(0)
    examples = make_examples(nlp, attr)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    losses = [nlp.update(examples, sgd=optimizer)[nlp.pipe_names[-1]] for _ in range(steps)]
    return examples, losses


def translations(nlp, texts=TEXTS, attr="translation", **settings):
    return [doc._.get(attr) for doc in nlp.pipe(texts, **settings)]
