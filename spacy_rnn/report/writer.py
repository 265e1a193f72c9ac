"""The report of a training: scores, learning curve, samples and attention, by two templates."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..progress import track
from .charts.attention import render_attention
from .charts.curves import render_learning_curve
from .charts.svg import DARK, LIGHT, replace_invalid
from .differences import Marked
from .facts import Report, compare, list_scores, summarize

if TYPE_CHECKING:
    from jinja2 import Environment

# A backslash before each character that means something in Markdown or HTML.
_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]<>#|~&!"})


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
    RETURNS (tuple[str, str]): The report in Markdown as GitHub renders it, which shows
        `learning_curve.svg` and `attention.svg` beside it, and as one page of HTML that is
        well-formed XML and needs no other file.
    RAISES (ValueError): If the log or an alignment cannot be drawn.
    """
    report = Report(
        title,
        list(list_scores(metrics)),
        summarize(log),
        render_learning_curve(log),
        [
            compare(sample)
            for sample in track(samples, "Comparing samples", len(samples), "samples")
        ],
        find_attention(samples),
    )
    markdown, page = (
        _load_templates().get_template(name).render(report=report, light=LIGHT, dark=DARK)
        for name in ("report.md.j2", "report.html.j2")
    )
    return markdown, page


def find_attention(samples: list[dict[str, Any]]) -> str | None:
    """Draw the attention of the first sample that has an alignment.

    samples (list[dict[str, Any]]): Translations as for a report.
    RETURNS (str | None): The picture as SVG, or None where there is no alignment.
    RAISES (ValueError): If the alignment cannot be drawn.
    """
    alignments = (sample.get("alignment") for sample in samples)
    return next((render_attention(**alignment) for alignment in alignments if alignment), None)


@lru_cache
def _load_templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    templates = Environment(
        loader=PackageLoader("spacy_rnn", "report/templates"),
        autoescape=select_autoescape(["html.j2"]),
        # XML does not allow control characters, however they are escaped.
        finalize=lambda value: replace_invalid(value) if isinstance(value, str) else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters.update(plain=_escape_markdown, code=_code, marked=_embolden)
    return templates


def _escape_markdown(text: str) -> str:
    """Escape a text so that Markdown shows it as it is, on one line."""
    return " ".join(text.translate(_ESCAPES).split())


def _code(signature: str) -> str:
    """Format a signature as code in a cell, which its bars would otherwise end."""
    return "`{}`".format(signature.replace("|", r"\|")) if signature else ""


def _embolden(pieces: Marked | None) -> str:
    """Write words that differ in bold, but not the spaces around them."""
    if pieces is None:
        return "—"
    text = ""
    for piece, differs in pieces:
        words = _escape_markdown(piece)
        if differs and words:
            before = piece[: len(piece) - len(piece.lstrip())]
            after = piece[len(piece.rstrip()) :]
            text += f"{before}<b>{words}</b>{after}"
        else:
            text += piece.translate(_ESCAPES)
    return " ".join(text.split())
