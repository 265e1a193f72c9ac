"""A logger that shows the progress of a training on the console and writes it to a file."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import IO, Any

from spacy.language import Language
from thinc.model import Model
from wasabi import Printer

from ..checks import check_count
from ..metrics.registry import find_metric
from .atomic import keep_model, replace_file
from .schedules import announce_logger, notify_plateaus

LogStep = Callable[[dict[str, Any] | None], None]
Finalize = Callable[[], None]


def create_console_logger_v1(
    progress_bar: bool = True,
    log_path: str | None = None,
    board: str = "default",
    keep_models: int = 0,
) -> Callable[[Language, IO, IO], tuple[LogStep, Finalize]]:
    """Create a logger that prints a row at each evaluation, and writes it to a file.

    A row has the columns of spaCy's own logger, then tokens per second since the previous row, the
    largest norm of a network's gradients at the last step, and the longest time that training
    will still take if `max_steps` or `max_epochs` limits it. Scores from 0 to 1 are printed in
    percent unless they are of a metric that is no share, such as BLEU or perplexity. Where one
    component is trained, its name is left out of the header. The score is passed on to learning
    rates by `spacy-rnn.reduce_on_plateau.v1`.

    progress_bar (bool): Whether to show a bar between rows, if stderr is a terminal.
    log_path (str | None): The file for rows as JSON lines, with all scores unscaled and null for
        infinite numbers and NaN. An existing file is overwritten; a training that is resumed
        goes on after the rows up to its checkpoint.
    board (str): The name of the score board that `spacy-rnn.reduce_on_plateau.v1` reads.
    keep_models (int): How many models of the last evaluations to keep, as "model-STEP" beside
        "model-last", for `spacy rnn average`. 0 for none.
    RETURNS (Callable): A function from the pipeline, stdout and stderr to a function that logs a
        step and one that ends the log.
    RAISES (ValueError): If `keep_models` is no number of models.
    """
    check_count("keep_models", keep_models, 0)
    return ConsoleLogger(progress_bar, log_path, board, keep_models)


class ConsoleLogger:
    """A logger of rows. The arguments are those of `create_console_logger_v1`.

    resumed_step (int): The first step that this process takes, which a training that is resumed
        sets. The evaluations before it are logged once more, for their scores alone.
    """

    def __init__(self, progress_bar: bool, log_path: str | None, board: str, keep_models: int):
        self.progress_bar = progress_bar
        self.log_path = log_path
        self.board = board
        self.keep_models = keep_models
        self.resumed_step = 0

    def __call__(
        self, nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[LogStep, Finalize]:
        """Begin a log.

        nlp (Language): The pipeline.
        stdout (IO): Where rows are printed.
        stderr (IO): Where the bar is shown.
        RETURNS (tuple[LogStep, Finalize]): A function that logs a step and one that ends the log.
        """
        announce_logger(self.board)
        training = nlp.config.interpolate()["training"]
        components = [
            (name, component)
            for name, component in nlp.pipeline
            if getattr(component, "is_trainable", False)
        ]
        # As in spaCy, null hides a score and 0 shows it without a say in the final one.
        shown = [name for name, weight in training["score_weights"].items() if weight is not None]
        pace = _Pace(training["max_steps"], training["max_epochs"])
        table = _Table([name for name, _ in components], shown, pace.limited, stdout)
        has_bar = self.progress_bar and stderr.isatty()
        bar = _Bar(training["eval_frequency"] if has_bar else 0, stderr)
        log = _open_log(self.log_path, self.resumed_step)

        def log_step(info: dict[str, Any] | None) -> None:
            if info is None:
                bar.advance()
                return
            notify_plateaus(self.board, info["score"])
            if info["step"] < self.resumed_step:
                pace.skip(info)
                return
            if self.keep_models and "output_path" in info:
                keep_model(Path(info["output_path"]), info["step"], self.keep_models)
            row = {
                "epoch": info["epoch"],
                "step": info["step"],
                "words": info["words"],
                **pace.measure(info),
                "losses": {name: _number(info["losses"].get(name)) for name, _ in components},
                "score": _number(info["score"]),
                "scores": _numbers(info["other_scores"]),
                "grad_norm": _grad_norm([component for _, component in components]),
                **({"checkpoint": info["checkpoint"]} if "checkpoint" in info else {}),
            }
            bar.close()
            table.write(row)
            if log:
                log.write(json.dumps(_finite(row), ensure_ascii=False, allow_nan=False) + "\n")
                log.flush()
            bar.open(info["epoch"])

        def finalize() -> None:
            bar.close()
            if log:
                log.close()

        return log_step, finalize


class _Pace:
    """The speed of a training, and the longest time that it will still take."""

    def __init__(self, max_steps: int, max_epochs: int):
        self.max_steps = max_steps or math.inf
        # Below 0 an epoch has no end, and neither have epochs at 0.
        self.max_epochs = max_epochs if max_epochs > 0 else math.inf
        self.limited = min(self.max_steps, self.max_epochs) < math.inf
        self.start = perf_counter()
        self.last = {"seconds": 0.0, "words": 0, "step": -1, "epoch": 0}
        self.steps_per_epoch = math.inf

    def skip(self, info: dict[str, Any]) -> None:
        """Go on after an evaluation that another process has logged."""
        self.start = perf_counter() - info["seconds"]
        self.last = {**info}

    def measure(self, info: dict[str, Any]) -> dict[str, float | None]:
        """Measure speed since the previous row."""
        seconds = perf_counter() - self.start
        since = max(seconds - self.last["seconds"], 1e-9)
        steps = max(info["step"] - self.last["step"], 1)
        if info["epoch"] > self.last["epoch"]:
            # The epoch began somewhere between two rows.
            self.steps_per_epoch = (self.last["step"] + info["step"]) / 2 / info["epoch"]
        last_step = min(self.max_steps, self.max_epochs * self.steps_per_epoch)
        left = max(last_step - info["step"], 0) * since / steps
        # The first row has one step and a whole evaluation, which says nothing of the rest.
        is_known = math.isfinite(left) and self.last["step"] >= 0
        words = info["words"] - self.last["words"]
        self.last = {**info, "seconds": seconds}
        return {
            "seconds": round(seconds, 3),
            "seconds_left": round(left, 1) if is_known else None,
            "tokens_per_second": round(words / since, 1),
        }


class _Table:
    """Rows below a header, on a console."""

    def __init__(self, components: list[str], scores: list[str], limited: bool, stdout: IO):
        self.scores = scores
        self.limited = limited
        self.stdout = stdout
        columns = [("E", 3), ("#", 6)]
        # A name that would stand in all columns is left out, so that a row fits a terminal.
        only = components[0] if len(components) == 1 else ""
        columns += [(f"Loss {name}".removesuffix(f" {only}"), 10) for name in components]
        columns += [(name.removeprefix(f"{only}_"), 6) for name in scores]
        columns += [("Score", 6), ("Tokens/s", 8), ("Grad", 6)]
        columns += [("ETA", 8)] if limited else []
        self.widths = [max(len(name), width) for name, width in columns]
        self.printer = Printer(no_print=True)
        self.print([name.upper() for name, _ in columns])
        self.print(["-" * width for width in self.widths])

    def write(self, row: dict[str, Any]) -> None:
        cells = [str(row["epoch"]), str(row["step"])]
        cells += [_cell(loss) for loss in row["losses"].values()]
        cells += [_cell(_scaled(name, row["scores"].get(name))) for name in self.scores]
        cells += [_cell(row["score"]), _cell(row["tokens_per_second"], 0)]
        cells += [_cell(row["grad_norm"])]
        cells += [_duration(row["seconds_left"])] if self.limited else []
        self.print(cells)

    def print(self, cells: list[str]) -> None:
        row = self.printer.row(cells, widths=self.widths, aligns=["r"] * len(cells), spacing=2)
        print(row, file=self.stdout, flush=True)


class _Bar:
    """A progress bar until the next row, or nothing if there are no steps."""

    def __init__(self, steps: int, stderr: IO):
        self.steps = steps
        self.stderr = stderr
        self.bar: Any = None

    def open(self, epoch: int) -> None:
        if self.steps:
            from tqdm import tqdm

            self.bar = tqdm(
                total=self.steps, desc=f"Epoch {epoch + 1}", leave=False, file=self.stderr
            )

    def advance(self) -> None:
        if self.bar is not None:
            self.bar.update()
            if self.bar.n == self.steps - 1:
                self.bar.set_description("Evaluating")  # The next step does.

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _open_log(path: str | None, resumed_step: int) -> IO | None:
    """Open a file to write rows after those of former steps, and create its folder if need be."""
    if path is None:
        return None
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    former = []
    if resumed_step and Path(path).exists():
        # The last row may be torn, and the last ones later than the checkpoint.
        for line in Path(path).read_text(encoding="utf8").splitlines(keepends=True):
            if not line.endswith("\n") or json.loads(line)["step"] >= resumed_step:
                break
            former.append(line)
        replace_file(path, "".join(former).encode("utf8"))
    return Path(path).open("a" if former else "w", encoding="utf8", newline="\n")


def _grad_norm(components: list[Any]) -> float | None:
    """Return the largest norm of a network's gradients, if there is any network."""
    norms = [
        float(shim.grad_norm)
        for component in components
        if isinstance(model := getattr(component, "model", None), Model)
        for node in model.walk()
        for shim in node.shims
        if hasattr(shim, "grad_norm")
    ]
    return max(norms, default=None)


def _number(value: Any) -> float | None:
    """Convert a scalar of any library to a float; None for strings, booleans and arrays."""
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        return None
    return float(value)


def _numbers(scores: dict[str, Any]) -> dict[str, float]:
    """Return the scores that are single numbers."""
    numbers = {name: _number(value) for name, value in scores.items()}
    return {name: number for name, number in numbers.items() if number is not None}


def _finite(value: Any) -> Any:
    """Replace infinite numbers and NaN, which JSON lacks, by None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _scaled(name: str, score: float | None) -> float | None:
    """Return a share as a percentage, other scores as they are."""
    metric = find_metric(name)
    is_share = metric.is_share if metric else True
    return score * 100 if score is not None and is_share and 0 <= score <= 1 else score


def _cell(number: float | None, digits: int = 2) -> str:
    """Format a number, or a dash for none."""
    return "-" if number is None else f"{number:.{digits}f}"


def _duration(seconds: float | None) -> str:
    """Format a time as hours, minutes and seconds."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
