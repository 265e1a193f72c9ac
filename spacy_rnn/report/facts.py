"""What a report says, however it is written."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..metrics.registry import find_metric, title_of
from .differences import Marked, closest, mark_differences


class Score(NamedTuple):
    """A row of the table of scores."""

    name: str
    value: str
    better: str
    signature: str


class Sample(NamedTuple):
    """A translation beside the reference that is closest to it."""

    source: str
    translation: Marked
    reference: Marked | None
    references: int
    score: str


class Report(NamedTuple):
    """A whole report."""

    title: str
    scores: list[Score]
    summary: str
    curve: str
    samples: list[Sample]
    attention: str | None


def list_scores(metrics: dict[str, Any], above: str = "") -> Iterator[Score]:
    """List scores with what says how each was computed.

    metrics (dict[str, Any]): Scores of an evaluation by name. A "bleu_signature" belongs
        to "bleu", and so for each score; scores within a score come one by one.
    above (str): What comes before each name.
    RETURNS (Iterator[Score]): A row for each.
    """
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from list_scores(value, f"{above}{title_of(name)}: ")
        elif (
            name.removesuffix("_signature") == name
            or name.removesuffix("_signature") not in metrics
        ):
            metric = find_metric(name)
            better = metric.better if metric else ""
            signature = metrics.get(f"{name}_signature") or ""
            yield Score(above + title_of(name), _format(value), better, str(signature))


def _format(value: Any) -> str:
    """Write a number with two digits behind the point, and a share with four."""
    if value is None:
        return "—"
    if isinstance(value, float):
        return f"{value:,.4f}" if 0 < abs(value) < 1 else f"{value:,.2f}"
    return str(value)


def summarize(log: list[dict[str, Any]]) -> str:
    """Say how long training took and when BLEU was best.

    log (list[dict[str, Any]]): The rows of the console logger's file.
    RETURNS (str): A few sentences.
    """
    if not log:
        return "Nothing has been logged yet."
    last = log[-1]
    sentence = f"Logged up to step {last['step']:,} in epoch {last['epoch'] + 1}"
    if last.get("words") and last.get("seconds"):
        sentence += f": {last['words']:,} words in {last['seconds']:,.0f} seconds"
    sentences = [f"{sentence}."]
    for name in {name: None for row in log for name in row.get("scores", {}) if "bleu" in name}:
        rows = [row for row in log if row.get("scores", {}).get(name) is not None]
        best = max(rows, key=lambda row: row["scores"][name], default=None)
        if best:
            score = best["scores"][name]
            sentences.append(f"Best {title_of(name)}: {score:.2f} at step {best['step']:,}.")
    return " ".join(sentences)


def compare(sample: dict[str, Any]) -> Sample:
    """Mark where a translation differs from the closest of its references.

    sample (dict[str, Any]): A "source", "translation", "references" and "score".
    RETURNS (Sample): Both texts in pieces, and whether each is in the other one.
    """
    translation, references = sample["translation"], sample.get("references") or []
    reference = closest(translation, references)
    marked: tuple[Marked, Marked | None] = ([(translation, False)], None)
    if reference is not None:
        marked = mark_differences(translation, reference)
    return Sample(sample["source"], *marked, len(references), _format(sample.get("score")))
