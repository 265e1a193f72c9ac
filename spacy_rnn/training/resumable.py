"""A training by spaCy's loop that goes on where it was interrupted, as if it had not been."""

import json
import logging
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING, Any

from spacy.language import Language
from spacy.training import Example, loop
from spacy.util import registry, resolve_dot_names
from thinc.api import Config, Optimizer
from wasabi import Printer

from ..progress import show
from .atomic import copy_directory, replace_directory
from .checkpoint import (
    get_random_states,
    get_training_state,
    read_checkpoint,
    set_random_states,
    set_training_state,
    write_checkpoint,
)
from .fingerprint import Fingerprint, describe_difference

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger("spacy")

Batches = Iterator[list[Example]]

CHECKPOINT = "checkpoint.safetensors"
"""The name of the file in the output folder."""
NAME = "spacy-rnn.resumable_training"
"""The name under which spaCy's loop finds our functions while a training runs."""
SECTION = "resumable"
"""The section of the config in which it finds the corpora."""
LIBRARIES = ("spacy-rnn", "spacy", "thinc", "numpy", "torch", "sentencepiece")


class ResumeError(ValueError):
    """A checkpoint is damaged, or belongs to another config or corpus."""


class ResumableTraining:
    """A training that leaves a checkpoint at each evaluation, and goes on from it.

    spaCy's loop runs it, from the first step in each process. Up to the step of the checkpoint
    batches are empty and evaluations have the scores that they had: steps, epochs, schedules,
    patience and whatever else counts are then as they were. The corpus is read and batched up to
    there, with the random numbers that it had; those of the steps are apart from them.

    config (Config): The config as it was given, with overrides.
    output (Path): The folder for models and checkpoint.
    code (bytes): The code that was given with the config.
    resume (bool): Whether to go on from the checkpoint in the folder, if there is one.
    RAISES (ResumeError): If the checkpoint is of another config, or is none.

    resumed_step (int): The steps before the checkpoint, 0 if there is none.
    costs (list[tuple[float, int]]): The seconds and bytes of each checkpoint so far.
    """

    def __init__(self, config: Config, output: Path, *, code: bytes = b"", resume: bool = False):
        self.output = output
        self.config = json.loads(json.dumps(config.interpolate()))
        self.environment = {
            "Python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
            "processor": platform.machine(),
            "code": blake2b(code, digest_size=8).hexdigest(),
        }
        self.resumed_step = 0
        self._stored: dict[str, Any] | None = None
        if resume and (output / CHECKPOINT).exists():
            try:
                self._stored = read_checkpoint(output / CHECKPOINT)
            except ValueError as error:
                raise ResumeError(error) from error
            self.resumed_step = self._stored["step"]
            self._refuse(config_differences(self._stored["config"], self.config), "config")
            self._warn_of_versions()
        self._batches = 0
        self._skipped_words = 0
        self._skipped_seconds = self._stored["seconds"] if self._stored else 0
        self._evaluations: list[dict] = []
        self._step_states: dict[str, Any] | None = None
        self._train = Fingerprint()
        self._dev: dict[str, Any] | None = None
        self.costs: list[tuple[float, int]] = []
        self._reading = ExitStack()
        self._bar: tqdm | None = None

    def run(
        self,
        nlp: Language,
        *,
        use_gpu: int = -1,
        stdout: IO = sys.stdout,
        stderr: IO = sys.stderr,
    ) -> None:
        """Train a pipeline.

        nlp (Language): The pipeline, initialized from the config.
        use_gpu (int): The GPU, -1 for the CPU.
        stdout (IO): Where to print.
        stderr (IO): Where to print errors and the progress bar.
        RAISES (ResumeError): If the corpus is not that of the checkpoint.
        """
        self._nlp = nlp
        self._own_config = nlp.config
        self._stdout = stdout
        hooks: dict[str, tuple[str, Callable]] = {
            "batcher": ("batchers", self._wrap_batcher),
            "before_to_disk": ("callbacks", self._wrap_before_to_disk),
            "logger": ("loggers", self._wrap_logger),
            "optimizer": ("optimizers", self._wrap_optimizer),
            "": ("misc", self._make_corpora),
        }
        self._filled = nlp.config.interpolate()
        redirected = self._filled.copy()
        training = redirected["training"]
        for setting, (kind, hook) in hooks.items():
            getattr(registry, kind).register(NAME, func=hook)
            if setting:
                training[setting] = {f"@{kind}": NAME, "inner": training[setting]}
        redirected[SECTION] = {"@misc": NAME}
        training.update(train_corpus=f"{SECTION}.train", dev_corpus=f"{SECTION}.dev")
        nlp.config = redirected
        try:
            loop.train(nlp, None, use_gpu=use_gpu, stdout=stdout, stderr=stderr)
        finally:
            self._reading.close()
            nlp.config = self._own_config
            vars(nlp).pop("evaluate", None)
        self._print(
            "good", f"Saved pipeline to output directory {self.output / loop.DIR_MODEL_LAST}"
        )
        if self.costs:
            seconds, sizes = zip(*self.costs, strict=True)
            self._print(
                "info",
                f"Wrote {len(sizes)} checkpoints of {max(sizes):,} bytes to resume from, in "
                f"{sum(seconds):.1f} seconds",
            )

    # What spaCy's loop takes from the config

    def _make_corpora(self) -> dict[str, Callable]:
        """Make the corpora, which the loop asks for right after it has seeded."""
        if self._stored is None:
            self._start = get_random_states()
        else:
            self._start = self._stored["start"]
            set_random_states(self._start)
        training = self._filled["training"]
        names = [training["train_corpus"], training["dev_corpus"]]
        train, self._dev_corpus = resolve_dot_names(self._filled, names)

        def read_train(nlp: Language) -> Iterator[Example]:
            for example in train(nlp):
                self._train.add(example.reference)
                yield example

        return {"train": read_train, "dev": self._read_dev}

    def _read_dev(self, nlp: Language) -> Iterator[Example]:
        fingerprint = Fingerprint()
        for example in self._dev_corpus(nlp):
            if self._dev is None:
                fingerprint.add(example.reference)
            yield example
        self._dev = self._dev or fingerprint.to_dict()

    def _wrap_optimizer(self, inner: Any) -> Optimizer:
        self._optimizer: Optimizer = inner
        return inner

    def _wrap_before_to_disk(self, inner: Any = None) -> None:
        self._before_to_disk = loop.create_before_to_disk_callback(inner)

    def _wrap_batcher(self, inner: Any) -> Callable[[Iterable[Example]], Batches]:
        def make_batches(examples: Iterable[Example]) -> Batches:
            if isinstance(examples, list):
                self._check_corpus()  # All of it has been read.
            for batch in map(list, inner(examples)):
                self._batches += 1
                if self._batches <= self.resumed_step:
                    self._skipped_words += sum(map(len, batch))
                    if self._bar is not None:
                        self._bar.update()
                    if self._batches == self.resumed_step:
                        self._reading.close()
                        self._check_corpus()  # As far as it had been read.
                    yield []
                    continue
                corpus_states = get_random_states()
                if self._stored is not None:
                    self._restore(self._stored)
                elif self._step_states is not None:
                    set_random_states(self._step_states)
                yield batch
                self._step_states = get_random_states()
                set_random_states(corpus_states)

        return make_batches

    def _wrap_logger(self, inner: Any) -> Callable:
        def set_up(nlp: Language, stdout: IO, stderr: IO) -> tuple[Callable, Callable]:
            nlp.config = self._own_config  # All that we redirected is made.
            hears_again = hasattr(inner, "resumed_step")
            if hears_again:
                inner.resumed_step = self.resumed_step
            log_step, finalize = inner(nlp, stdout, stderr)
            if self._stored is not None:
                steps = f"{self.resumed_step} step{'s' if self.resumed_step > 1 else ''}"
                self._print("info", f"Resuming after {steps}: reading the corpus up to there")
                bar = show("Reading the corpus", self.resumed_step, "batches")
                self._bar = self._reading.enter_context(bar)
                scores = iter(self._stored["evaluations"])
                vars(nlp)["evaluate"] = lambda examples: next(scores)

            def save_and_log(info: dict[str, Any] | None) -> None:
                is_skipped = self._batches <= self.resumed_step
                if info is not None:
                    self._evaluations.append(self._weighted(info["other_scores"]))
                    info["words"] += self._skipped_words
                    info["seconds"] += self._skipped_seconds
                if is_skipped:
                    if info is not None and hears_again:
                        log_step(info)
                    return
                self._has_trained = True
                states = get_random_states()
                if info is not None:
                    self._save(info, states)
                log_step(info)
                set_random_states(states)

            def save_and_finalize() -> None:
                finalize()
                if self._has_trained:
                    self._save_model()

            return save_and_log, save_and_finalize

        return set_up

    _has_trained = False

    # Checkpoints

    def _weighted(self, scores: dict[str, Any]) -> dict[str, float]:
        """Return the scores that have a say in which model is the best."""
        weights = self._filled["training"]["score_weights"]
        return {
            name: float(scores[name])
            for name, weight in weights.items()
            if weight is not None and scores.get(name) is not None
        }

    def _save_model(self) -> Path:
        path = self.output / loop.DIR_MODEL_LAST
        with self._nlp.use_params(self._optimizer.averages):
            replace_directory(path, self._before_to_disk(self._nlp).to_disk)
        return path

    def _save(self, info: dict[str, Any], random_states: dict[str, Any]) -> None:
        """Save the pipeline, a copy if it is the best, and what to resume from."""
        model = self._save_model()
        info["output_path"] = str(model)
        if info["score"] == max(info["checkpoints"])[0]:
            copy_directory(model, self.output / loop.DIR_MODEL_BEST)
        start = perf_counter()
        size = write_checkpoint(
            self.output / CHECKPOINT,
            {
                "step": info["step"] + 1,
                "seconds": info["seconds"],
                "evaluations": self._evaluations,
                "config": self.config,
                "environment": self.environment,
                "corpora": {"training": self._train.to_dict(), "development": self._dev},
                "start": self._start,
                "random": random_states,
                "training": get_training_state(self._nlp, self._optimizer, self._trained_names()),
            },
        )
        self.costs.append((perf_counter() - start, size))
        info["checkpoint"] = {"seconds": round(self.costs[-1][0], 3), "bytes": size}

    def _trained_names(self) -> list[str]:
        frozen = self._filled["training"]["frozen_components"]
        return [
            name
            for name, component in self._nlp.pipeline
            if name not in frozen
            and getattr(component, "is_trainable", False)
            and getattr(component, "model", None) not in (True, False, None)
        ]

    def _restore(self, stored: dict[str, Any]) -> None:
        """Make everything what it was at the checkpoint."""
        for _ in self._read_dev(self._nlp):
            pass
        self._check_corpus("development", self._dev)
        set_training_state(self._nlp, self._optimizer, stored["training"])
        del vars(self._nlp)["evaluate"]
        set_random_states(stored["random"])
        self._stored = None

    # What has to be the same

    def _check_corpus(self, name: str = "training", now: dict[str, Any] | None = None) -> None:
        if self._stored is not None:
            before = self._stored["corpora"][name]
            differences = describe_difference(before, now or self._train.to_dict())
            self._refuse(differences, f"{name} corpus")

    def _refuse(self, differences: Iterable[str], what: str) -> None:
        lines = [f"- {difference}" for difference in differences]
        if lines:
            raise ResumeError(
                f"The checkpoint in {self.output} is of another {what}:\n"
                + "\n".join(lines)
                + f"\nResume with the {what} that it had, or start over without --resume"
            )

    def _warn_of_versions(self) -> None:
        before = self._stored["environment"] if self._stored else {}
        if differences := [*config_differences(before, self.environment)]:
            logger.warning(
                "The checkpoint was made with other versions, so that the last bits of weights "
                "may become others than without the interruption: %s",
                "; ".join(differences),
            )

    def _print(self, kind: str, text: str) -> None:
        print(getattr(Printer(no_print=True), kind)(text), file=self._stdout, flush=True)


def config_differences(before: dict, now: dict) -> Iterator[str]:
    """Find the settings that differ.

    before (dict): Settings, nested.
    now (dict): Others.
    YIELDS (str): The name, with dots, of one that differs, and both values.
    """
    one, other = dict(_flatten(before)), dict(_flatten(now))
    for name in sorted(one.keys() | other.keys()):
        old, new = one.get(name, "nothing"), other.get(name, "nothing")
        if old != new:
            yield f"{name} is {new}, and was {old}"


def _flatten(settings: dict, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings by their names with dots, as JSON."""
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", json.dumps(value)
