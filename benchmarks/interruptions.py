r"""Kill trainings by SIGKILL, at random and within writes, and try to load what they left.

    python benchmarks/interruptions.py configs/tagger.cfg \
        --paths.train corpus/phrasebook/train.spacy --paths.dev corpus/phrasebook/dev.spacy

Each kill is of a training of its own, by spaCy's loop, that evaluates at each step; a row without
the callback of the config is for comparison. Then the cost of a checkpoint to resume from is
measured: its time and its size beside those of the model. Needs POSIX.
"""

import argparse
import io
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

import spacy
import torch
from spacy.cli._util import parse_config_overrides
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config

from spacy_rnn.training.atomic import replace_directory
from spacy_rnn.training.resumable import ResumableTraining

MODELS = ("model-last", "model-best")


def main() -> None:
    """Print the table of kills and the cost of checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--kills", type=int, default=30, help="at random moments")
    parser.add_argument("--kills-in-writes", type=int, default=20)
    arguments, rest = parser.parse_known_args()
    torch.set_num_threads(1)
    config = load_config(arguments.config, overrides=parse_config_overrides(rest)).interpolate()
    config["training"]["eval_frequency"] = 1
    # All scores are equal, so that each checkpoint is copied to the best.
    config["training"]["score_weights"] = dict.fromkeys(config["training"]["score_weights"], 0.0)
    nlp = init_nlp(config)
    print(f"{'callback':9}{'killed':16}{'kills':>6}{'in a write':>12}", *MODELS, sep="  ")
    for callback in (True, False):
        if not callback:
            nlp.config["training"]["before_to_disk"] = None
        for name, kills in (
            ("at random", arguments.kills),
            ("in a write", arguments.kills_in_writes),
        ):
            kill_all(nlp, callback, name, kills if callback else kills // 2)
    measure(config)


def kill_all(nlp: spacy.Language, callback: bool, name: str, kills: int) -> None:
    """Kill so many trainings and print a row."""
    loaded = dict.fromkeys(MODELS, 0)
    in_writes = 0
    for _ in range(kills):
        with tempfile.TemporaryDirectory() as folder:
            in_writes += kill(nlp, Path(folder), in_write=name == "in a write")
            for model in MODELS:
                loaded[model] += loads(Path(folder) / model)
    counts = [f"{loaded[model]:>4} of {kills:<2}" for model in MODELS]
    how = "yes" if callback else "no"
    print(f"{how:9}{name:16}{kills:>6}{in_writes:>12}", *counts, sep="  ", flush=True)


def kill(nlp: spacy.Language, output: Path, in_write: bool) -> bool:
    """Start a training and kill it once it has saved; return whether it was writing."""
    pid = os.fork()
    if not pid:
        try:
            train(nlp, output, stdout=io.StringIO(), stderr=io.StringIO())
        finally:
            os._exit(1)
    while newest(output) is None or not all(
        (output / model / "meta.json").exists() for model in MODELS
    ):
        time.sleep(0.001)
    time.sleep(random.uniform(0.2, 1.5))
    if in_write:
        before = newest(output)
        while newest(output) == before:
            pass
        time.sleep(random.uniform(0, 0.03))
    os.kill(pid, signal.SIGKILL)
    killed = time.time()
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    last = newest(output)
    return last is not None and killed - last < 0.02


def newest(folder: Path) -> float | None:
    """Return when a file below a folder was last written."""
    times = []
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                times.append(os.stat(os.path.join(parent, name)).st_mtime)
            except FileNotFoundError:
                continue
    return max(times, default=None)


def loads(path: Path) -> bool:
    """Return whether a pipeline can be loaded and used."""
    try:
        spacy.load(path)("Where is the station?")
    except Exception:
        return False
    return True


def measure(config: spacy.Config) -> None:
    """Print what checkpoints take."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        config["training"].update(eval_frequency=5, max_steps=20)
        training = ResumableTraining(config, output)
        nlp = init_nlp(config)
        training.run(nlp, stdout=io.StringIO(), stderr=io.StringIO())
        seconds, sizes = zip(*training.costs, strict=True)
        print(f"checkpoint: {max(sizes):,} bytes, {sum(seconds) / len(seconds):.3f} s on average")
        size = sum(
            path.stat().st_size for path in (output / "model-last").rglob("*") if path.is_file()
        )
        start = time.perf_counter()
        nlp.to_disk(output / "plain")
        plain = time.perf_counter() - start
        shutil.rmtree(output / "plain")
        start = time.perf_counter()
        replace_directory(output / "model-last", nlp.to_disk)
        whole = time.perf_counter() - start
        print(f"model: {size:,} bytes, {plain:.3f} s in place, {whole:.3f} s beside and exchanged")


if __name__ == "__main__":
    main()
