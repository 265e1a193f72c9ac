"""The contents of a report, independent of its format."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..metrics.registry import METRICS, find_metric, format_score, titles_of
from .differences import Marked, closest, mark_differences


class Score(NamedTuple):
    """A row of the table of scores, formatted."""

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
    """All contents of a report; curve and attention are SVG."""

    title: str
    scores: list[Score]
    summary: str
    curve: str
    samples: list[Sample]
    attention: str | None


def list_scores(
    metrics: dict[str, Any], above: str = "", compared: str | None = None
) -> Iterator[Score]:
    """List scores with the signatures that say how they were computed.

    metrics (dict[str, Any]): Scores of an evaluation by name. A "bleu_signature" belongs
        to "bleu", and so for each score; scores within a score get a row each.
    above (str): The prefix of each title.
    compared (str | None): The name of the score that these compare: those of two systems, and
        "p" of their difference.
    YIELDS (Score): A row for each.
    """
    titles = titles_of(metrics)
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from list_scores(
                value, f"{above}{titles[name]}: ", name if find_metric(name) else None
            )
        elif (
            name.removesuffix("_signature") == name
            or name.removesuffix("_signature") not in metrics
        ):
            metric = find_metric(name)
            better = metric.better if metric else ""
            signature = metrics.get(f"{name}_signature") or ""
            is_number = isinstance(value, float) and not (compared and name == "p")
            shown = format_score(compared or name, value) if is_number else _format(value)
            yield Score(above + titles[name], shown, better, str(signature))


def _format(value: Any) -> str:
    """Format a number with two decimals, below 1 with four, from 1,000 on with none."""
    if value is None:
        return "—"
    if isinstance(value, float):
        digits = 4 if 0 < abs(value) < 1 else 0 if abs(value) >= 1000 else 2
        return f"{value:,.{digits}f}"
    return str(value)


def summarize(log: list[dict[str, Any]]) -> str:
    """Summarize how long training took and when it was best, by BLEU or else by its score.

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
    scores = {name: None for row in log for name in row.get("scores", {})}
    names = [name for name in scores if find_metric(name) == METRICS["bleu"]]
    titles = titles_of(names)
    for name in names:
        steps = {row["step"]: row.get("scores", {}).get(name) for row in log}
        sentences += _find_best(titles[name], steps)
    if not names:
        sentences += _find_best("score", {row["step"]: row.get("score") for row in log})
    return " ".join(sentences)


def _find_best(title: str, score_of_step: dict[int, float | None]) -> list[str]:
    """Return a sentence on the step with the highest score, none where there are no scores."""
    scores = {step: score for step, score in score_of_step.items() if score is not None}
    if not scores:
        return []
    best = max(scores, key=scores.__getitem__)
    return [f"Best {title}: {_format(scores[best])} at step {best:,}."]


def compare(sample: dict[str, Any]) -> Sample:
    """Mark where a translation differs from the closest of its references.

    sample (dict[str, Any]): A "source", "translation", "references" and "score".
    RETURNS (Sample): Both texts in pieces, each with whether it differs.
    """
    translation, references = sample["translation"], sample.get("references") or []
    reference = closest(translation, references)
    marked: tuple[Marked, Marked | None] = ([(translation, False)], None)
    if reference is not None:
        marked = mark_differences(translation, reference)
    return Sample(sample["source"], *marked, len(references), _format(sample.get("score")))
