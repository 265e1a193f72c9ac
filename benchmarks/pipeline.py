"""Compare encoders in spaCy's own tagger: accuracy, speed and memory.

    python benchmarks/pipeline.py en_lines-ud-train.conllu en_lines-ud-dev.conllu

Each row is a process of its own, which trains the same tagger, with universal tags, on
one thread and the same batches, and pipes the raw text of the training part. Speeds are
words for each second of processor time. Each row comes twice: with BLIS, which is what
Thinc multiplies matrices with by default, and without, which is faster on processors
that BLIS does not know.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import spacy
import torch
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Corpus
from spacy.training.batchers import configure_minibatch_by_words
from spacy.training.converters import conllu_to_docs
from spacy.training.loop import create_train_batches, train_while_improving
from thinc.api import Optimizer, fix_random_seed, get_current_ops

WIDTH = 96
# NumPy's own matrix product, which stands in for BLIS, would start threads otherwise.
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
ENCODERS = {
    "CNN": {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": WIDTH,
        "depth": 4,
        "window_size": 1,
        "maxout_pieces": 3,
    },
    "TorchBiLSTM": {
        "@architectures": "spacy.TorchBiLSTMEncoder.v1",
        "width": WIDTH,
        "depth": 1,
        "dropout": 0.1,
    },
    "BiLSTM": {
        "@architectures": "spacy-rnn.BiLSTMEncoder.v1",
        "width": WIDTH,
        "depth": 1,
        "dropout": 0.1,
    },
}


def main() -> None:
    """Run each row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("train", type=Path, help="a CoNLL-U file")
    parser.add_argument("dev", type=Path, help="a CoNLL-U file")
    parser.add_argument("--steps", type=int, default=1500, help="training steps")
    parser.add_argument("--encoders", nargs="+", default=list(ENCODERS), choices=list(ENCODERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--row", nargs=2, metavar=("ENCODER", "BLIS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.row:
        encoder, blis = args.row
        print(json.dumps(run_row(encoder, blis == "yes", args)))
        return
    print("encoder      BLIS  accuracy  training words/s  pipe words/s  peak memory")
    for encoder in args.encoders:
        for blis in ("yes", "no"):
            command = [sys.executable, __file__, *sys.argv[1:], "--row", encoder, blis]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=ONE_THREAD)
            row = json.loads(done.stdout)
            print(
                f"{encoder:12} {blis:4} {row['accuracy']:8.2%} {row['training']:17,.0f} "
                f"{row['pipe']:13,.0f} {row['memory']:9,.0f} MB",
                flush=True,
            )


def run_row(encoder: str, blis: bool, args: argparse.Namespace) -> dict[str, float]:
    """Train one tagger and measure it."""
    torch.set_num_threads(1)
    get_current_ops().use_blis = blis
    fix_random_seed(args.seed)
    nlp = make_pipeline(encoder)
    with tempfile.TemporaryDirectory() as folder:
        train, dev = (read_corpus(path, folder) for path in (args.train, args.dev))
        optimizer = nlp.initialize(lambda: train(nlp))
        training = train_tagger(nlp, optimizer, train, dev, args.steps)
        texts = [example.reference.text for example in train(nlp)]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    list(nlp.pipe(texts[:500]))
    start = time.process_time()
    words = sum(len(doc) for doc in nlp.pipe(texts))
    pipe = words / (time.process_time() - start)
    return {"pipe": pipe, "memory": memory, **training}


def make_pipeline(encoder: str) -> Language:
    """Make a blank pipeline with spaCy's tagger on one of the encoders."""
    embed = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": WIDTH,
        "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
        "rows": [5000, 1000, 2500, 2500],
        "include_static_vectors": False,
    }
    tok2vec = {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": embed,
        "encode": ENCODERS[encoder],
    }
    nlp = spacy.blank("en")
    nlp.add_pipe(
        "tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}}
    )
    return nlp


def read_corpus(path: Path, folder: str) -> Corpus:
    """Turn sentences into spaCy's format, with the universal tag as the tag to learn."""
    docs = DocBin()
    for doc in conllu_to_docs(path.read_text(encoding="utf8"), n_sents=1, no_print=True):
        for token in doc:
            token.tag_ = token.pos_
        docs.add(doc)
    stored = Path(folder) / f"{path.stem}.spacy"
    docs.to_disk(stored)
    return Corpus(stored)


def train_tagger(
    nlp: Language, optimizer: Optimizer, train: Corpus, dev: Corpus, steps: int
) -> dict[str, float]:
    """Train as `spacy train` does, and count only the time of the updates."""
    batcher = configure_minibatch_by_words(size=500, tolerance=0.2, discard_oversize=False)
    examples = list(dev(nlp))
    aside = 0.0

    def evaluate() -> tuple[float, dict]:
        nonlocal aside
        start = time.process_time()
        scores = nlp.evaluate(examples)
        aside += time.process_time() - start
        return scores["tag_acc"], scores

    best = words = 0
    start = time.process_time()
    loop = train_while_improving(
        nlp,
        optimizer,
        create_train_batches(nlp, train, batcher, 0),
        evaluate,
        dropout=0.1,
        eval_frequency=250,
        accumulate_gradient=1,
        patience=0,
        max_steps=steps,
        exclude=[],
        annotating_components=[],
        before_update=None,
    )
    for _, info, _ in loop:
        words = info["words"]
        best = max(best, info["score"] or 0.0)
    return {"accuracy": best, "training": words / (time.process_time() - start - aside)}


if __name__ == "__main__":
    main()
