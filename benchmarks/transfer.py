"""Measure what a language model that read raw text does for a classifier with few examples.

    python benchmarks/transfer.py trec/train.txt model --raw multi30k/train.en.gz

The classifier is that of `configs/textcat.cfg`, trained on a tenth of the training questions: from
scratch, and on top of the language model of `configs/lm.cfg`, which read the words of all training
questions and of the other texts. It is frozen; trained on with gradual unfreezing and a learning
rate for each layer (Howard & Ruder 2018); or frozen beside the embeddings of words (Akbik et al.
2018). 500 other questions are for measuring. The folder of the language model is made unless it is
there.
"""

import argparse
import gzip
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import spacy
import tasks
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config
from thinc.api import Config

CONFIGS = tasks.ROOT / "configs"
SHARE = 10
FINE_TUNING = {"trainable": True, "rate_decay": 1 / 2.6, "unfreeze_steps": 50}


def main() -> None:
    """Train the language model if need be, and all classifiers, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("questions", type=Path)
    parser.add_argument("model", type=Path, help="the folder of the language model")
    parser.add_argument("--raw", nargs="+", type=Path, default=[], help="texts, line by line")
    parser.add_argument("--epochs", type=int, default=4, help="of the language model")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", help="of the ways, those to train")
    parser.add_argument("--steps", type=int, help="of the classifiers, if other than configured")
    args = parser.parse_args()
    docs, dev = tasks.split_docs(tasks.read_labelled(args.questions, "latin-1"), 500)
    few = docs[: len(docs) // SHARE]
    if not (args.model / "meta.json").exists():
        lines = [doc.text for doc in docs] + [line for path in args.raw for line in read(path)]
        pretrain(lines, [doc.text for doc in dev], args.model, args.epochs)
    rows = {
        "from scratch": tasks.own("textcat.cfg"),
        "frozen": partial(stand_on, args.model, {}),
        "fine-tuned": partial(stand_on, args.model, FINE_TUNING),
        "beside": partial(stand_beside, args.model),
    }
    task = tasks.Task(lambda _: (few, dev), rows, "cats_micro_f")
    print(f"{len(few)} questions to learn from, accuracy on {len(dev)} others")
    with tempfile.TemporaryDirectory() as folder:
        for part, own in zip(tasks.PARTS, (few, dev), strict=True):
            DocBin(docs=own).to_disk(Path(folder) / f"{part}.spacy")
        for row in args.rows or rows:
            scores = [
                tasks.run(task, row, Path(folder), seed, args.steps)[0] for seed in args.seeds
            ]
            each = " ".join(f"{score:.1%}" for score in scores)
            print(f"{row:14} {mean(scores):6.2%}  {each}", flush=True)


def read(path: Path) -> Iterator[str]:
    """Read the lines of a text."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf8") as lines:
        yield from (line.strip() for line in lines if line.strip())


def pretrain(lines: list[str], dev: list[str], folder: Path, epochs: int) -> None:
    """Train a language model on lines."""
    nlp = spacy.blank("en")
    docs: list[Doc] = list(nlp.pipe(lines))
    pieces = sum(len(doc) + 1 for doc in docs)
    with tempfile.TemporaryDirectory() as corpus:
        DocBin(docs=docs).to_disk(f"{corpus}/train.spacy")
        DocBin(docs=list(nlp.pipe(dev))).to_disk(f"{corpus}/dev.spacy")
        config = load_config(CONFIGS / "lm.cfg")
        batcher = config["training"]["batcher"]
        steps = pieces // (batcher["streams"] * batcher["seq_len"])
        print(f"A language model of {pieces:,} pieces, {epochs} epochs of {steps} steps")
        config["training"] |= {"max_steps": epochs * steps, "eval_frequency": steps}
        config["training"]["optimizer"]["learn_rate"]["total_steps"] = epochs * steps
        config["paths"] |= {part: f"{corpus}/{part}.spacy" for part in tasks.PARTS}
        config["paths"]["log"] = None
        trained = init_nlp(config.interpolate())
        train(trained, Path(corpus))
        spacy.load(f"{corpus}/model-best").to_disk(folder)


def stand_on(source: Path, settings: dict[str, Any]) -> Config:
    """Make the config of a classifier on top of a language model."""
    config = tasks.own("textcat.cfg")()
    architecture = load_config(CONFIGS / "lm.cfg")["components"]["rnn_lm"]["model"]
    config["components"]["rnn_textcat"]["model"]["tok2vec"] = {
        "@architectures": "spacy-rnn.LMEncoder.v1",
        "model": architecture,
        "source": str(source),
        **settings,
    }
    return config


def stand_beside(source: Path) -> Config:
    """Make the config of a classifier that reads what a language model knows beside its words."""
    config = stand_on(source, {})
    model = config["components"]["rnn_textcat"]["model"]
    tok2vec = tasks.own("textcat.cfg")()["components"]["rnn_textcat"]["model"]["tok2vec"]
    both = {"words": tok2vec["embed"], "context": model["tok2vec"]}
    model["tok2vec"] = {**tok2vec, "embed": {"@layers": "concatenate.v1", "*": both}}
    return config


if __name__ == "__main__":
    main()
