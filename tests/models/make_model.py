"""Store a small pipeline with every component, and what it predicts.

`python tests/models/make_model.py` writes a folder named as this version, for later versions to
load: once for each release, and whenever what is stored changes before one.
"""

import json
import shutil
from pathlib import Path

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam

from spacy_rnn.about import package_version

TEXTS = ["Anna reads a book in Oslo .", "the bird slept", ""]

SENTENCES = [
    ("Anna reads a book .", ["PERSON", "", "", "", ""]),
    ("the bird slept in Oslo .", ["", "", "", "", "PLACE", ""]),
    ("Ben saw Berlin .", ["PERSON", "", "PLACE", ""]),
]

EMBED = {
    "@architectures": "spacy-rnn.SumHashEmbed.v1",
    "width": 8,
    "attrs": ["NORM", "SUFFIX"],
    "rows": [60, 20],
}
ENCODE = {"@architectures": "spacy-rnn.RecurrentEncoder.v1", "width": 8}
TOK2VEC = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {**EMBED, "unk_alpha": 0.25},
    "encode": ENCODE,
}
CHARACTERS = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {"@architectures": "spacy-rnn.CharCNNEmbed.v1", "width": 8, "embed_width": 4},
    "encode": {**ENCODE, "cell": "gru"},
}
NETWORK = {"width": 8, "depth": 1}
COMPONENTS = {
    "rnn_tagger": {"model": {"tok2vec": TOK2VEC}},
    "rnn_ner": {"model": {"tok2vec": CHARACTERS}},
    "rnn_textcat": {"model": {"ngram_rows": 32, "tok2vec": TOK2VEC}},
    "rnn_textcat_multilabel": {"model": {"ngram_rows": 32, "tok2vec": TOK2VEC}},
    "rnn_lm": {"min_count": 1, "model": {"embed_width": 8, "network": NETWORK}},
    "rnn_translator": {
        "vocab_size": 300,
        "model": {
            "encoder": {"embed_width": 8, "network": NETWORK},
            "attention": {"width": 8},
            "decoder": {"embed_width": 8, "readout_width": 8, "network": NETWORK},
        },
        "search": {"beam_width": 2, "max_extra": 9, "max_ratio": 0.0},
    },
    "tagger": {
        "model": {"@architectures": "spacy.Tagger.v2", "tok2vec": {**TOK2VEC, "embed": EMBED}}
    },
}


def make_pipeline() -> Language:
    """Train a pipeline for a few steps."""
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    for name, config in COMPONENTS.items():
        nlp.add_pipe(name, config=config)
    crf = {"output": "crf", "tok2vec": TOK2VEC}
    nlp.add_pipe("rnn_tagger", name="crf", config={"attr": "pos", "model": crf})
    examples = [make_example(nlp, text.split(), labels) for text, labels in SENTENCES]
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.02)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    return nlp


def make_example(nlp: Language, words: list[str], labels: list[str]) -> Example:
    doc = Doc(
        nlp.vocab,
        words=words,
        tags=[word[-1:].upper() for word in words],
        pos=["PROPN" if label else "X" for label in labels],
        ents=[f"B-{label}" if label else "O" for label in labels],
    )
    doc.cats = {"PLACES": float("PLACE" in labels), "OTHER": float("PLACE" not in labels)}
    doc._.translation = doc.text.upper()
    return Example(nlp.make_doc(doc.text), doc)


def describe(nlp: Language) -> list[dict]:
    """Return what a pipeline predicts, in plain values."""
    return [
        {
            "tags": [token.tag_ for token in doc],
            "pos": [token.pos_ for token in doc],
            "entities": [[span.start, span.end, span.label_] for span in doc.ents],
            "classes": {label: round(score, 2) for label, score in doc.cats.items()},
            "perplexity": round(doc._.perplexity, 1),
            "translation": doc._.translation,
            "score": round(doc._.translations[0]["score"], 1),
        }
        for doc in nlp.pipe(TEXTS)
    ]


def main() -> None:
    folder = Path(__file__).parent / package_version()
    shutil.rmtree(folder, ignore_errors=True)
    torch.set_num_threads(1)
    folder.mkdir()
    nlp = make_pipeline()
    nlp.to_disk(folder / "pipeline")
    predictions = json.dumps(describe(nlp), indent=1, ensure_ascii=False)
    (folder / "predictions.json").write_text(predictions + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
