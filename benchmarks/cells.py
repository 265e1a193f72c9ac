"""Compare the recurrent cells: scores, speed and memory.

    python benchmarks/cells.py en_lines-ud-train.conllu en_lines-ud-dev.conllu

Each cell takes its turn twice, in processes of one thread. A tagger learns universal tags: that of
`pipeline.py` in the row "tagger, all ours". A translator of `configs/phrasebook.cfg`, with the
cell in both encoder and decoder, learns the phrasebook in `assets`, and translates its test part
by greedy search. Widths are the same for all cells, weights are not. Speeds are words (of the
source, in a translator) for each second of processor time; "pipe" is `nlp.pipe`, where each
translation is given the same length: after so few steps some cells do not end theirs. With
several seeds scores are means, and speeds those of the fastest turn.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import fmean

import spacy
import torch
from pipeline import (
    HASH_EMBED,
    ONE_THREAD,
    RECURRENT,
    on_encoder,
    peak_memory,
    pipe_words,
    read_tags,
    train_pipeline,
    write_corpus,
)
from spacy.training import Corpus
from spacy.training.initialize import init_nlp
from spacy.util import load_config, registry
from thinc.api import fix_random_seed, get_current_ops

from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.training.examples import read_docs

ROOT = Path(__file__).parents[1]
TASKS = ("tagger", "translator")
PIECES = 12
"""The pieces of each translation whose speed is measured: about those of the references."""


def main() -> None:
    """Give each cell its turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("train", type=Path, help="a CoNLL-U file")
    parser.add_argument("dev", type=Path, help="a CoNLL-U file")
    parser.add_argument("--steps", type=int, default=500, help="steps of each training")
    parser.add_argument("--pairs", type=int, default=10_000, help="pairs to read at most")
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument(
        "--turn", nargs=3, metavar=("CELL", "TASK", "SEED"), help=argparse.SUPPRESS
    )
    args = parser.parse_args()
    if args.turn:
        cell, task, seed = args.turn
        print(json.dumps(run_turn(cell, task, int(seed), args)))
        return
    turns = list(product(args.seeds, args.cells, TASKS))
    with ThreadPoolExecutor(args.jobs) as pool:
        results = dict(zip(turns, pool.map(start_turn, turns), strict=True))
    print(
        "                 |  tags  training      pipe  memory |  BLEU  training      pipe  memory"
    )
    for cell in args.cells:
        found = (join_turns(results[seed, cell, task] for seed in args.seeds) for task in TASKS)
        print(f"{cell:16}", *map(format_columns, found), sep=" | ")


def start_turn(turn: tuple[int, str, str]) -> dict[str, float]:
    """Run this script again for one cell and task."""
    seed, cell, task = turn
    command = [sys.executable, __file__, *sys.argv[1:], "--turn", cell, task, str(seed)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=ONE_THREAD)
    return json.loads(done.stdout)


def join_turns(found: Iterable[dict[str, float]]) -> dict[str, float]:
    """Give the mean of the scores, the best speeds, and the largest memory."""
    found = list(found)
    best = {name: max(turn[name] for turn in found) for name in ("training", "pipe", "memory")}
    return {"score": fmean(turn["score"] for turn in found), **best}


def format_columns(found: dict[str, float]) -> str:
    """Format the columns of one task."""
    return (
        f"{found['score']:5.1f} {found['training']:9,.0f} {found['pipe']:9,.0f} "
        f"{found['memory']:4,.0f} MB"
    )


def run_turn(cell: str, task: str, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Train one component and measure it."""
    torch.set_num_threads(1)
    get_current_ops().use_blis = False
    fix_random_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        if task == "tagger":
            return run_tagger(cell, Path(folder), args)
        return run_translator(cell, Path(folder), args.steps, args.pairs)


def run_tagger(cell: str, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Train a tagger and measure it on the development part."""
    train, dev = (
        Corpus(write_corpus(read_tags(path), folder, path.stem)) for path in (args.train, args.dev)
    )
    nlp = spacy.blank("en")
    default = nlp.get_factory_meta("tagger").default_config["model"]
    model = on_encoder({**RECURRENT, "cell": cell}, HASH_EMBED)
    nlp.add_pipe("tagger", config={"model": {**default, **model}})
    nlp.config["training"]["optimizer"]["@optimizers"] = "spacy-rnn.Adam.v1"
    optimizer = nlp.initialize(lambda: train(nlp))
    training = train_pipeline(nlp, optimizer, train, dev, args.steps, "tag_acc")
    training["score"] *= 100  # As BLEU is.
    texts = [example.reference.text for example in train(nlp)]
    return {"memory": peak_memory(), "pipe": pipe_words(nlp, texts), **training}


def run_translator(cell: str, folder: Path, steps: int, pairs: int) -> dict[str, float]:
    """Train a translator and measure it on the test part."""
    phrasebook = ROOT / "assets" / "phrasebook"
    train, test = (
        write_corpus(read_docs(spacy.blank("en"), phrasebook / name, limit=pairs), folder, name)
        for name in ("train.jsonl.gz", "test.jsonl")
    )
    component = "components.rnn_translator"
    overrides = {
        "paths.train": str(train),
        "paths.dev": str(test),
        "training.optimizer.learn_rate.total_steps": steps,
        **{f"{component}.model.{part}.network.cell": cell for part in ("encoder", "decoder")},
        f"{component}.search": {"@misc": "spacy-rnn.greedy_search.v1"},
    }
    nlp = init_nlp(load_config(ROOT / "configs" / "phrasebook.cfg", overrides=overrides))
    settings = registry.resolve(nlp.config.interpolate()["training"])
    training = train_pipeline(
        nlp,
        settings["optimizer"],
        Corpus(train),
        Corpus(test),
        steps,
        "rnn_translator_bleu",
        settings["batcher"],
    )
    texts = 5 * [example.reference.text for example in Corpus(test)(nlp)]
    memory = peak_memory()
    same_length = {"min_length": PIECES, "max_ratio": 0, "max_extra": PIECES}
    search = nlp.get_pipe("rnn_translator").search
    nlp.get_pipe("rnn_translator").search = search.change(**same_length)
    return {"memory": memory, "pipe": pipe_words(nlp, texts), **training}


if __name__ == "__main__":
    main()
