"""Small stock pipelines with recurrent encoders, what they learn from, what they predict.

Nothing here imports the package under test: stock spaCy finds it by its entry points.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import spacy
import srsly
from safetensors.numpy import load
from spacy.language import DEFAULT_CONFIG_PRETRAIN_PATH, Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import fix_random_seed, minibatch
from thinc.api import Adam, Config, Model

WIDTH = 16

BILSTM = {
    "@architectures": "spacy-rnn.BiLSTMEncoder.v1",
    "width": WIDTH,
    "depth": 1,
    "dropout": 0.0,
}
BIGRU = {**BILSTM, "@architectures": "spacy-rnn.BiGRUEncoder.v1"}
# As far from the other two as its settings allow.
RECURRENT = {
    "@architectures": "spacy-rnn.RecurrentEncoder.v1",
    "width": WIDTH,
    "depth": 2,
    "cell": "rnn_tanh",
    "merge": "sum",
    "residual": True,
    "layer_norm": True,
    "initial_state": "learned",
}
ENCODERS = {"bilstm": BILSTM, "bigru": BIGRU, "recurrent": RECURRENT}

# The score of each component that is 1 once it knows its examples by heart.
SCORES = {
    "tagger": "tag_acc",
    "morphologizer": "morph_acc",
    "parser": "dep_las",
    "ner": "ents_f",
    "textcat": "cats_macro_f",
    "spancat": "spans_sc_f",
}
COMPONENTS = list(SCORES)

# Each component with an encoder of its own, and all of them listening to a shared one.
PIPELINES = {name: [name] for name in COMPONENTS} | {"shared": ["tok2vec", *COMPONENTS]}

# The label of an entity or nothing, the tag and the morphology of each word.
LEXICON = {
    "Anna": ("PERSON", "NNP", "Number=Sing"),
    "Ben": ("PERSON", "NNP", "Number=Sing"),
    "Berlin": ("PLACE", "NNP", "Number=Sing"),
    "Oslo": ("PLACE", "NNP", "Number=Sing"),
    "reads": ("", "VBZ", "Tense=Pres"),
    "saw": ("", "VBD", "Tense=Past"),
    "slept": ("", "VBD", "Tense=Past"),
    "the": ("", "DT", "Definite=Def"),
    "a": ("", "DT", "Definite=Ind"),
    "old": ("", "JJ", "Degree=Pos"),
    "book": ("", "NN", "Number=Sing"),
    "bird": ("", "NN", "Number=Sing"),
    "cats": ("", "NNS", "Number=Plur"),
    "in": ("", "IN", "AdpType=Prep"),
    ".": ("", ".", "PunctType=Peri"),
}

# The head of each word, as its index in the sentence, and its relation to it.
SENTENCES = [
    ("Anna reads .", "1 1 1", "nsubj ROOT punct"),
    ("Ben saw Anna .", "1 1 1 1", "nsubj ROOT dobj punct"),
    ("cats slept .", "1 1 1", "nsubj ROOT punct"),
    ("Anna reads the book .", "1 1 3 1 1", "nsubj ROOT det dobj punct"),
    ("the bird saw Ben .", "1 2 2 2 2", "det nsubj ROOT dobj punct"),
    ("Ben slept in Oslo .", "1 1 1 2 1", "nsubj ROOT prep pobj punct"),
    ("a bird slept in Berlin .", "1 2 2 2 3 2", "det nsubj ROOT prep pobj punct"),
    ("Anna saw the old book .", "1 1 4 4 1 1", "nsubj ROOT det amod dobj punct"),
    ("the old cats saw a bird .", "2 2 3 3 5 3 3", "det amod nsubj ROOT det dobj punct"),
    ("old cats slept in the book .", "1 2 2 2 5 3 2", "amod nsubj ROOT prep det pobj punct"),
    ("Ben reads a book in Berlin .", "1 1 3 1 1 4 1", "nsubj ROOT det dobj prep pobj punct"),
    ("in Oslo cats saw Anna .", "3 0 3 3 3 3", "prep pobj nsubj ROOT dobj punct"),
]

# Sentences of the same words, nothing, one word, only spaces, unknown words and scripts.
TEXTS = [
    "Ben saw the old bird in Berlin .",
    "",
    "cats",
    "   ",
    "\n\n the old book .\t ",
    "Zoë 読む книгу 🐦 .",
    "the bird slept . " * 40,
    "Anna reads a book .",
    "",
    "old cats saw Anna in Oslo .",
]

# Past some ten thousand numbers torch shares its work among threads.
LONG_TEXT = "the bird slept . " * 1250


def make_examples(nlp: Language) -> list[Example]:
    """Annotate each sentence with all that a stock component learns from."""
    return [
        Example(nlp.make_doc(text), _annotate(nlp, text.split(), heads, relations))
        for text, heads, relations in SENTENCES
    ]


def _annotate(nlp: Language, words: list[str], heads: str, relations: str) -> Doc:
    labels, tags, morphs = zip(*(LEXICON[word] for word in words), strict=True)
    doc = Doc(
        nlp.vocab,
        words=words,
        spaces=[True] * (len(words) - 1) + [False],
        tags=tags,
        morphs=morphs,
        heads=[int(head) for head in heads.split()],
        deps=relations.split(),
        ents=[f"B-{label}" if label else "O" for label in labels],
    )
    doc.cats = {"PLACE": float("PLACE" in labels), "ELSE": float("PLACE" not in labels)}
    doc.spans["sc"] = list(doc.ents)
    return doc


def tok2vec_config(encoder: dict) -> dict:
    """Configure an encoder on top of hashed embeddings."""
    return {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": WIDTH,
            "attrs": ["NORM", "SUFFIX"],
            "rows": [200, 200],
            "include_static_vectors": False,
        },
        "encode": encoder,
    }


def make_pipeline(components: Iterable[str], encoder: dict) -> Language:
    """Build stock components, all but their encoder as they come.

    Where a "tok2vec" comes first, the others listen to it.
    """
    nlp = spacy.blank("en")
    tok2vec = tok2vec_config(encoder)
    for name in components:
        if name == "tok2vec":
            nlp.add_pipe("tok2vec", config={"model": tok2vec})
            tok2vec = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH}
            continue
        config = {"model": {**nlp.get_factory_meta(name).default_config["model"]}}
        config["model"]["tok2vec"] = tok2vec
        if name == "parser":
            config["min_action_freq"] = 1  # Or relations as rare as ours are not learnt.
        nlp.add_pipe(name, config=config)
    return nlp


def initialize(nlp: Language) -> list[Example]:
    """Draw the same fresh weights each time."""
    examples = make_examples(nlp)
    fix_random_seed(0)
    nlp.initialize(lambda: examples)
    return examples


def train(nlp: Language, examples: list[Example], steps: int, **settings) -> None:
    """Take steps on all examples at once."""
    optimizer = Adam(0.01)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer, **settings)


def pretraining(folder: Path, component: str) -> dict:
    """Store raw text, and configure an epoch of pretraining on it.

    What is pretrained is a "tok2vec", or the encoder within another component.
    """
    srsly.write_jsonl(folder / "raw.jsonl", [{"text": text} for text, _, _ in SENTENCES])
    return spacy.util.load_config(DEFAULT_CONFIG_PRETRAIN_PATH).merge(
        {
            "paths": {"raw_text": str(folder / "raw.jsonl")},
            "pretraining": {
                "component": component,
                "layer": "" if component == "tok2vec" else "tok2vec",
                "max_epochs": 1,
                "objective": {"hidden_size": WIDTH, "n_characters": 1},
            },
        }
    )


def pretrained_weights(path: Path) -> dict[str, np.ndarray]:
    """Read the weights of networks from what `spacy pretrain` stored."""
    stored = srsly.msgpack_loads(path.read_bytes())
    return read_weights(data for shims in stored["shims"] for data in shims)


def write_config(
    nlp: Language,
    folder: Path,
    settings: dict,
    sources: dict | None = None,
    examples: list[Example] | None = None,
) -> Path:
    """Store the examples, and a config that trains a pipeline on them.

    What is set replaces what the config has, and sources replace whole components.
    """
    corpus = folder / "corpus.spacy"
    docs = [example.reference for example in examples or make_examples(nlp)]
    DocBin(docs=docs, store_user_data=True).to_disk(corpus)
    config = nlp.config.merge(
        {
            "paths": {"train": str(corpus), "dev": str(corpus)},
            "training": {
                "dropout": 0.0,
                "max_steps": 40,
                "eval_frequency": 20,
                "optimizer": {"learn_rate": 0.01},
            },
        }
    ).merge(settings)
    config["components"].update(sources or {})
    path = folder / "config.cfg"
    config.to_disk(path)
    return path


def copy_pipeline(nlp: Language) -> Language:
    """Copy by way of bytes."""
    return read_bytes(nlp.config.to_str(), nlp.to_bytes())


def read_bytes(config: str, data: bytes) -> Language:
    """Build a pipeline from its config and fill it with stored bytes."""
    nlp = spacy.util.load_model_from_config(Config().from_str(config))
    return nlp.from_bytes(data)


def weights(model: Model) -> dict[str, np.ndarray]:
    """Give all weights of all networks within a model, as they would be stored."""
    shims = [shim for node in model.walk() for shim in node.shims]
    return read_weights(shim.to_bytes() for shim in shims)


def parameters(model: Model) -> dict[str, np.ndarray]:
    """Give the parameters of Thinc's own layers within a model."""
    return {
        f"{number} {node.name} {name}": node.get_param(name).copy()
        for number, node in enumerate(model.walk())
        for name in node.param_names
    }


def read_weights(shims: Iterable[bytes]) -> dict[str, np.ndarray]:
    """Read what shims stored, without the package under test."""
    return {
        f"{number} {name}": array
        for number, data in enumerate(shims)
        for name, array in load(data).items()
    }


def assert_equal_weights(
    one: dict[str, np.ndarray], other: dict[str, np.ndarray], atol: float = 0.0
) -> None:
    """Compare weights, of which there have to be some."""
    assert one.keys() == other.keys() != set()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=atol, err_msg=name)


def predict(nlp: Language, docs: list[str | Doc], batch_size: int = 1000) -> list[dict]:
    """Run a pipeline and list all that it writes, and what its encoder gives."""
    predicted = list(nlp.pipe(docs, batch_size=batch_size))
    tok2vec = find_tok2vec(nlp)
    vectors = [
        rows for batch in minibatch(predicted, batch_size) for rows in tok2vec.predict(batch)
    ]
    return [
        {**record(doc), "vectors": rows.tolist()}
        for doc, rows in zip(predicted, vectors, strict=True)
    ]


def find_tok2vec(nlp: Language) -> Model:
    """Give the model of embeddings and encoder that the first component has."""
    _, component = nlp.pipeline[0]
    return next(node for node in component.model.walk() if node.has_ref("encode"))


def record(doc: Doc) -> dict:
    """List what components wrote, in types that JSON has."""
    spans = doc.spans.get("sc", [])
    return {
        "words": [word.text for word in doc],
        "tags": [word.tag_ for word in doc],
        "morphs": [str(word.morph) for word in doc],
        "heads": [word.head.i for word in doc],
        "relations": [word.dep_ for word in doc],
        "entities": [[span.start, span.end, span.label_] for span in doc.ents],
        "spans": [[span.start, span.end, span.label_] for span in spans],
        "span_scores": np.asarray(getattr(spans, "attrs", {}).get("scores", [])).tolist(),
        "labels": list(doc.cats),
        # By itself spaCy scores a document without words alone otherwise than in a batch.
        "label_scores": list(doc.cats.values()) if len(doc) else [],
        "tensor": doc.tensor.tolist(),
    }


NUMBERS = {"span_scores", "label_scores", "tensor", "vectors"}


def assert_same(actual: list[dict], expected: list[dict]) -> None:
    """Compare predictions: names exactly, numbers to the rounding of their sums."""
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            if key in NUMBERS:
                np.testing.assert_allclose(one[key], other[key], rtol=0, atol=1e-5, err_msg=key)
            else:
                assert one[key] == other[key], key
