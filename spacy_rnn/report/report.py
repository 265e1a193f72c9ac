"""A report of a training: scores, curve, samples and attention."""

from typing import Any

from .charts.attention import render_attention
from .charts.curves import render_learning_curve
from .facts import Report, compare, list_scores, summarize
from .markdown import write_markdown
from .page import write_page


def make_report(
    metrics: dict[str, Any],
    log: list[dict[str, Any]],
    samples: list[dict[str, Any]],
    *,
    title: str = "Training report",
) -> tuple[str, str]:
    """Write a report of a training.

    metrics (dict[str, Any]): Scores of an evaluation by name. A "bleu_signature" says how
        "bleu" was computed, and so for each score; scores within a score get a row each.
    log (list[dict[str, Any]]): The rows of the console logger's file.
    samples (list[dict[str, Any]]): Translations: "source", "translation", "references",
        "score", and as "alignment" its "source", "target" and "weights", or None.
    title (str): The heading.
    RETURNS (tuple[str, str]): The report in Markdown, which shows `learning_curve.svg` and
        `attention.svg` beside it, and as one page of HTML, which needs nothing else.
    RAISES (ValueError): If the log or an alignment cannot be drawn.
    """
    report = Report(
        title,
        list(list_scores(metrics)),
        summarize(log),
        render_learning_curve(log),
        [compare(sample) for sample in samples],
        find_attention(samples),
    )
    return write_markdown(report), write_page(report)


def find_attention(samples: list[dict[str, Any]]) -> str | None:
    """Draw the attention of the first sample that has an alignment.

    samples (list[dict[str, Any]]): Translations as for a report.
    RETURNS (str | None): The picture as SVG, or None where there is no alignment.
    RAISES (ValueError): If the alignment cannot be drawn.
    """
    alignments = (sample.get("alignment") for sample in samples)
    return next((render_attention(**each) for each in alignments if each), None)
