r"""Compare taggers and entity recognizers of spaCy's own with those of this package.

Compared are scores, speed and memory.

    python benchmarks/pipeline.py en_lines-ud-train.conllu en_lines-ud-dev.conllu \
        --entities wnut17train.conll emerging.dev.conll

Each row is a process of its own, which trains a component on one thread and the same
batches, and pipes the raw text of the training part. Taggers learn universal tags. Speeds
are words for each second of processor time. Each row but the plain one comes twice: with BLIS,
which is what Thinc multiplies matrices with by default, and without, which is faster on processors
that BLIS does not know. Stock components learn by spaCy's Adam, but for the rows that say
otherwise; our components by `spacy-rnn.Adam.v1`. In spaCy's tagger "Recurrent" changes the
encoder alone, "Recurrent, Adam" the optimizer too, and "all ours" the embedding as well. The
fractions are those of a plain PyTorch loop of the size of `rnn_tagger`, which trains and tags
without spaCy: the limit of what that can reach.
"""

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import spacy
import torch
from plain_tagger import run_plain
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example
from spacy.training.batchers import configure_minibatch_by_words
from spacy.training.converters import conllu_to_docs
from spacy.training.loop import create_train_batches, train_while_improving
from thinc.api import Optimizer, fix_random_seed, get_current_ops

from spacy_rnn.training.examples import read_docs

Batcher = Callable[[Iterable[Example]], Iterable[list[Example]]]
WIDTH = 96
BY_WORDS = configure_minibatch_by_words(size=500, tolerance=0.2, discard_oversize=False)
# NumPy's own matrix product, which stands in for BLIS, would start threads otherwise.
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
EMBED = {
    "@architectures": "spacy.MultiHashEmbed.v2",
    "width": WIDTH,
    "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
    "rows": [5000, 1000, 2500, 2500],
    "include_static_vectors": False,
}
CNN = {
    "@architectures": "spacy.MaxoutWindowEncoder.v2",
    "width": WIDTH,
    "depth": 4,
    "window_size": 1,
    "maxout_pieces": 3,
}
TORCH_BILSTM = {
    "@architectures": "spacy.TorchBiLSTMEncoder.v1",
    "width": WIDTH,
    "depth": 1,
    "dropout": 0.1,
}
BILSTM = {**TORCH_BILSTM, "@architectures": "spacy-rnn.BiLSTMEncoder.v1"}
# The tag of a word is a matter of its neighbours: gates start out to forget. Dropout is of words.
RECURRENT = {
    "@architectures": "spacy-rnn.RecurrentEncoder.v1",
    "width": WIDTH,
    "depth": 1,
    "dropout_output": 0.0,
    "word_dropout": 0.05,
    "forget_bias": -1.0,
}
HASH_EMBED = {**EMBED, "@architectures": "spacy-rnn.SumHashEmbed.v1"}


def on_encoder(encoder: dict, embed: dict = EMBED) -> dict:
    """Replace the encoder of a stock component, and its embedding if one is given."""
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encoder}
    return {"tok2vec": tok2vec}


PLAIN = "no component"
STOCK, OURS = "Adam.v1", "spacy-rnn.Adam.v1"
# Of each row the factory, what differs from its default model, and the optimizer.
ROWS: dict[str, tuple[str, dict, str]] = {
    "plain PyTorch": (PLAIN, {}, ""),
    "tagger CNN": ("tagger", on_encoder(CNN), STOCK),
    "tagger TorchBiLSTM": ("tagger", on_encoder(TORCH_BILSTM), STOCK),
    "tagger BiLSTM": ("tagger", on_encoder(BILSTM), STOCK),
    "tagger Recurrent": ("tagger", on_encoder(RECURRENT), STOCK),
    "tagger Recurrent, Adam": ("tagger", on_encoder(RECURRENT), OURS),
    "tagger, all ours": ("tagger", on_encoder(RECURRENT, HASH_EMBED), OURS),
    "rnn_tagger": ("rnn_tagger", {}, OURS),
    "rnn_tagger CRF": ("rnn_tagger", {"output": "crf"}, OURS),
    "ner CNN": ("ner", on_encoder(CNN), STOCK),
    "ner TorchBiLSTM": ("ner", on_encoder(TORCH_BILSTM), STOCK),
    "rnn_ner": ("rnn_ner", {}, OURS),
}
ENTITIES = ("ner", "rnn_ner")


def main() -> None:
    """Run each row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("train", type=Path, help="a CoNLL-U file")
    parser.add_argument("dev", type=Path, help="a CoNLL-U file")
    parser.add_argument(
        "--entities", type=Path, nargs=2, metavar=("TRAIN", "DEV"), help="tokens and BIO tags"
    )
    parser.add_argument("--steps", type=int, default=1500, help="training steps")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--row", nargs=2, metavar=("ROW", "BLIS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.row:
        row, blis = args.row
        print(json.dumps(run_row(row, blis == "yes", args)))
        return
    print(
        "component               BLIS    score  training words/s  pipe words/s  peak memory"
        "  of plain"
    )
    plain: dict[str, float] = {}
    for row in args.rows:
        factory = ROWS[row][0]
        if factory in ENTITIES and not args.entities:
            continue
        for blis in ("no",) if factory == PLAIN else ("yes", "no"):
            command = [sys.executable, __file__, *sys.argv[1:], "--row", row, blis]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=ONE_THREAD)
            found = json.loads(done.stdout)
            plain = found if factory == PLAIN else plain
            fractions = [
                f"{found[speed] / plain[speed]:.2f}"
                for speed in ("training", "pipe")
                if plain and factory not in ENTITIES
            ]
            print(
                f"{row:23} {blis:4} {found['score']:8.2%} {found['training']:17,.0f} "
                f"{found['pipe']:13,.0f} {found['memory']:9,.0f} MB  {' '.join(fractions)}",
                flush=True,
            )


def run_row(row: str, blis: bool, args: argparse.Namespace) -> dict[str, float]:
    """Train one component and measure it."""
    torch.set_num_threads(1)
    get_current_ops().use_blis = blis
    fix_random_seed(args.seed)
    factory, model, optimizer_name = ROWS[row]
    entities = factory in ENTITIES
    nlp = spacy.blank("en")
    with tempfile.TemporaryDirectory() as folder:
        paths = args.entities if entities else (args.train, args.dev)
        read = read_entities if entities else read_tags
        train, dev = (Corpus(write_corpus(read(path), Path(folder), path.stem)) for path in paths)
        if factory == PLAIN:
            parts = ([example.reference for example in part(nlp)] for part in (train, dev))
            return {**run_plain(*parts, WIDTH, args.steps), "memory": peak_memory()}
        default = nlp.get_factory_meta(factory).default_config["model"]
        nlp.add_pipe(factory, config={"model": {**default, **model}})
        nlp.config["training"]["optimizer"]["@optimizers"] = optimizer_name
        optimizer = nlp.initialize(lambda: train(nlp))
        score = "ents_f" if entities else "tag_acc"
        training = train_pipeline(nlp, optimizer, train, dev, args.steps, score)
        texts = [example.reference.text for example in train(nlp)]
    return {"memory": peak_memory(), "pipe": pipe_words(nlp, texts), **training}


def pipe_words(nlp: Language, texts: list[str]) -> float:
    """Pipe raw texts and return words for each second of processor time."""
    list(nlp.pipe(texts[:500]))
    gc.collect()  # What training has left is not collected in the time that is measured.
    start = time.process_time()
    words = sum(len(doc) for doc in nlp.pipe(texts))
    return words / (time.process_time() - start)


def peak_memory() -> float:
    """Return the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_tags(path: Path) -> Iterator[Doc]:
    """Read sentences, with the universal tag as the tag to learn."""
    for doc in conllu_to_docs(path.read_text(encoding="utf8"), n_sents=1, no_print=True):
        for token in doc:
            token.tag_ = token.pos_
        yield doc


def read_entities(path: Path) -> Iterator[Doc]:
    """Read sentences with entities."""
    return read_docs(spacy.blank("en"), path, on_conflict="repair")


def write_corpus(docs: Iterable[Doc], folder: Path, name: str) -> Path:
    """Turn sentences into spaCy's format."""
    stored = folder / f"{name}.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(stored)
    return stored


def train_pipeline(
    nlp: Language,
    optimizer: Optimizer,
    train: Corpus,
    dev: Corpus,
    steps: int,
    score: str,
    batcher: Batcher = BY_WORDS,
) -> dict[str, float]:
    """Train as `spacy train` does, and count only the time of the updates."""
    examples = list(dev(nlp))
    aside = 0.0

    def evaluate() -> tuple[float, dict]:
        nonlocal aside
        start = time.process_time()
        scores = nlp.evaluate(examples)
        aside += time.process_time() - start
        return scores[score] or 0.0, scores

    best = words = 0
    batches = create_train_batches(nlp, train, batcher, 0)
    first = next(batches)  # Which reads the corpus.
    start = time.process_time()
    loop = train_while_improving(
        nlp,
        optimizer,
        chain([first], batches),
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
    return {"score": best, "training": words / (time.process_time() - start - aside)}


if __name__ == "__main__":
    main()
