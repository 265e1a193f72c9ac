"""Train small pipelines of every kind in one of three ways.

Arguments: a folder, and "whole", "interrupted" or "resumed". Interrupted ones are killed.
"""

import io
import os
import random
import signal
import sys
from pathlib import Path

import spacy
import torch
from contract_samples import SAMPLES
from spacy.training.initialize import init_nlp
from stock_pipelines import ENCODERS, make_examples, make_pipeline
from thinc.api import Config

from spacy_rnn.training.resumable import ResumableTraining

KILLED_AT = 10
interruption = {"step": None}

PLATEAU = {
    "@optimizers": "spacy-rnn.Adam.v1",
    "learn_rate": {
        "@schedules": "spacy-rnn.reduce_on_plateau.v1",
        "initial_rate": 0.01,
        "factor": 0.5,
    },
}
WARMUP = {
    "@optimizers": "Adam.v1",
    "L2": 0.01,
    "learn_rate": {
        "@schedules": "warmup_linear.v1",
        "initial_rate": 0.01,
        "warmup_steps": 5,
        "total_steps": 14,
    },
}
GROWING = {
    "@batchers": "spacy.batch_by_words.v1",
    "tolerance": 0.2,
    "discard_oversize": False,
    "size": {"@schedules": "compounding.v1", "start": 10, "stop": 40, "compound": 1.05},
}
BUCKETS = {"@batchers": "spacy-rnn.BucketBatcher.v1", "size": 30, "buffer": 5}
STREAMS = {"@batchers": "spacy-rnn.BPTTBatcher.v1", "streams": 3, "seq_len": 5}

# Each with a sample of the contract or stock components, and settings of training.
CASES = {
    "tagger": ("CRF tagger", {"optimizer": PLATEAU, "batcher": GROWING}),
    "ner": ("ner", {"optimizer": WARMUP, "batcher": GROWING, "accumulate_gradient": 2}),
    "textcat": ("classifier", {"optimizer": PLATEAU, "batcher": BUCKETS}),
    "lm": ("language model", {"optimizer": PLATEAU, "batcher": STREAMS}),
    "translator": ("translator", {"optimizer": WARMUP, "batcher": BUCKETS}),
    "stock": (["tok2vec", "tagger", "parser"], {"annotating_components": ["tagger"]}),
    "stream": ("tagger", {"max_epochs": -1, "optimizer": PLATEAU, "batcher": GROWING}),
}
CHANGES = {
    "lm": {"reset": "never"},
    "translator": {"subword_sampling": 0.3, "guided_alignment": 0.1},
}


def make_interruption():
    def before_update(nlp, step):
        if step["step"] == interruption["step"]:
            os.kill(os.getpid(), signal.SIGKILL)

    return before_update


def make_reader(sample: str, shuffled: bool):
    make = SAMPLES[sample].make_examples if sample else make_examples

    def read(nlp):
        examples = make(nlp)
        if shuffled:
            random.shuffle(examples)
        return iter(examples)

    return read


spacy.registry.callbacks.register("test-interruption.v1", func=make_interruption)
spacy.registry.readers.register("test-reader.v1", func=make_reader)


def make_config(case: str) -> Config:
    sample, settings = CASES[case]
    if isinstance(sample, str):
        nlp = spacy.blank("en")
        config = {**SAMPLES[sample].config, **CHANGES.get(case, {})}
        nlp.add_pipe(SAMPLES[sample].factory, config=config)
        score = SAMPLES[sample].score
    else:
        nlp, score, sample = make_pipeline(sample, ENCODERS["recurrent"]), "tag_acc", ""
    training = {
        "seed": 1,
        "dropout": 0.2,
        "max_steps": 14,
        "eval_frequency": 4,
        "before_update": {"@callbacks": "test-interruption.v1"},
        "logger": {"@loggers": "spacy-rnn.ConsoleLogger.v1", "log_path": "log.jsonl"},
        "score_weights": {score: 1.0},
        **settings,
    }
    reader = {"@readers": "test-reader.v1", "sample": sample, "shuffled": False}
    corpora = {"train": {**reader, "shuffled": case == "stream"}, "dev": reader}
    config = nlp.config.merge({"corpora": corpora})
    config["training"].update(training)
    return config


def run(case: str, folder: Path, resume: bool) -> None:
    config = make_config(case)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)  # Where the log is.
    training = ResumableTraining(config, folder, resume=resume)
    stdout = io.StringIO()
    training.run(init_nlp(config), stdout=stdout, stderr=io.StringIO())
    print(case, stdout.getvalue(), sep="\n")


if __name__ == "__main__":
    root, how = Path(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    # In another order components have other ids.
    for case in reversed(CASES) if how == "resumed" else CASES:
        if how == "whole":
            run(case, root / how / case, resume=False)
        elif how == "resumed":
            run(case, root / "interrupted" / case, resume=True)
        elif not (pid := os.fork()):
            interruption["step"] = KILLED_AT
            run(case, root / how / case, resume=False)
        else:
            _, status = os.waitpid(pid, 0)
            assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
