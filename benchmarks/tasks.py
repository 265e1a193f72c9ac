"""Train on real data with the committed configs and with spaCy's own, and compare.

    python benchmarks/tasks.py assets --tasks trec sst2 --seeds 0 1 2

The data are those that the project downloads: `trec/train.txt`, `sst2/train.txt` and so on, and
the files of UD English LinES in `ud_english_lines`.
Every figure is of the part that is for development, of the best model of each training.
"""

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

# Before NumPy, whose own matrix product would start threads.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import spacy
import torch
from pipeline import read_entities, read_tags
from spacy.cli.init_config import init_config
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config
from thinc.api import Config, get_current_ops

from spacy_rnn.training.examples import read_docs, split_docs

ROOT = Path(__file__).parent.parent

Parts = tuple[list[Doc], list[Doc]]


@dataclass
class Task:
    """Something to learn.

    read (Callable[[Path], Parts]): Reads what to train and what to measure on.
    configs (dict[str, Callable[[], Config]]): Complete training configs, by what to call
        them.
    metric (str): The score to compare, as `spacy evaluate` names it.
    """

    read: Callable[[Path], Parts]
    configs: dict[str, Callable[[], Config]]
    metric: str


def own(name: str) -> Callable[[], Config]:
    """Take a committed config."""
    return lambda: load_config(ROOT / "configs" / name)


def stock(component: str, model: str | None = None) -> Callable[[], Config]:
    """Take what `spacy init config` recommends for a component alone.

    Perhaps with the model that another way of adding it brings: "default" for `nlp.add_pipe`.
    """

    def make() -> Config:
        config = init_config(pipeline=[component], optimize="efficiency", silent=True)
        if model == "default":
            default = Language.get_factory_meta(component).default_config["model"]
            config["components"][component]["model"] = default
        return config

    return make


def read_labelled(path: Path, encoding: str = "utf8") -> list[Doc]:
    """Read labelled lines."""
    return list(read_docs(spacy.blank("en"), path, format="labelled", encoding=encoding))


def read_trec(folder: Path) -> Parts:
    """Read questions, of which 500 are held out."""
    return split_docs(read_labelled(folder / "trec" / "train.txt", "latin-1"), 500)


def read_sst2(folder: Path) -> Parts:
    """Read sentences from reviews."""
    train, dev = (read_labelled(folder / "sst2" / f"{part}.txt") for part in PARTS)
    return train, dev


def read_treebank(folder: Path) -> Parts:
    """Read sentences of UD English LinES with universal tags."""
    train, dev = (
        list(read_tags(folder / "ud_english_lines" / f"en_lines-ud-{part}.conllu"))
        for part in PARTS
    )
    return train, dev


def read_wnut(folder: Path) -> Parts:
    """Read texts with emerging entities."""
    train, dev = (list(read_entities(folder / "wnut17" / f"{part}.conll")) for part in PARTS)
    return train, dev


def own_tagger() -> Config:
    """Take the committed config of a tagger, for tags."""
    config = load_config(ROOT / "configs" / "tagger.cfg")
    config["components"]["tagger"]["attr"] = "tag"
    config["training"]["score_weights"] = {"tag_acc": 1.0}
    return config


def stock_bilstm() -> Config:
    """Take spaCy's tagger with its recurrent encoder."""
    config = stock("tagger")()
    encoder = {"@architectures": "spacy.TorchBiLSTMEncoder.v1", "width": 96, "depth": 1}
    config["components"]["tok2vec"]["model"]["encode"] = {**encoder, "dropout": 0.1}
    return config


PARTS = ("train", "dev")
TEXTCAT = {
    "rnn_textcat": own("textcat.cfg"),
    "TextCatEnsemble": stock("textcat", "default"),
    "TextCatBOW": stock("textcat"),
}
TAGGER = {"rnn_tagger": own_tagger, "CNN": stock("tagger"), "TorchBiLSTM": stock_bilstm}
NER = {"rnn_ner": own("ner.cfg"), "CNN": stock("ner")}
TASKS = {
    "lines": Task(read_treebank, TAGGER, "tag_acc"),
    "wnut17": Task(read_wnut, NER, "ents_f"),
    "trec": Task(read_trec, TEXTCAT, "cats_micro_f"),
    "sst2": Task(read_sst2, TEXTCAT, "cats_micro_f"),
}


def main() -> None:
    """Train each row of each task and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, help="the folder of the data sets")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--rows", nargs="+", help="of the configs, those to train")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, help="training steps, if other than configured")
    args = parser.parse_args()
    torch.set_num_threads(1)
    get_current_ops().use_blis = False
    print("task   config            mean   best of each seed    training  words/s in nlp.pipe")
    for name in args.tasks:
        task = TASKS[name]
        with tempfile.TemporaryDirectory() as folder:
            for part, docs in zip(PARTS, task.read(args.data), strict=True):
                DocBin(docs=docs).to_disk(Path(folder) / f"{part}.spacy")
            for row in [row for row in task.configs if row in (args.rows or task.configs)]:
                runs = [run(task, row, Path(folder), seed, args.steps) for seed in args.seeds]
                scores, seconds, speeds = zip(*runs, strict=True)
                print(
                    f"{name:6} {row:17} {mean(scores):6.2%} "
                    f"{' '.join(f'{score:.1%}' for score in scores):20} "
                    f"{mean(seconds):7,.0f} s {mean(speeds):12,.0f}",
                    flush=True,
                )


def run(
    task: Task, row: str, folder: Path, seed: int, steps: int | None
) -> tuple[float, float, float]:
    """Train once; give the score, the seconds of processor time, and the speed afterwards."""
    config = task.configs[row]()
    config["paths"] |= {part: str(folder / f"{part}.spacy") for part in PARTS}
    config["system"]["seed"] = seed
    if steps is not None:
        config["training"]["max_steps"] = steps
    output = folder / "model"
    output.mkdir(exist_ok=True)
    start = time.process_time()
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere:
        warnings.simplefilter("ignore")
        nlp = init_nlp(Config(config).interpolate())
        train(nlp, output, stdout=nowhere, stderr=nowhere)
    seconds = time.process_time() - start
    nlp = spacy.load(output / "model-best")
    score = nlp.evaluate(list(Corpus(folder / "dev.spacy")(nlp)))[task.metric]
    texts = [example.reference.text for example in Corpus(folder / "train.spacy")(nlp)]
    list(nlp.pipe(texts[:500]))
    start = time.process_time()
    words = sum(len(doc) for doc in nlp.pipe(texts))
    return score, seconds, words / (time.process_time() - start)


if __name__ == "__main__":
    main()
