"""A report as Markdown."""

from .differences import Marked
from .facts import Report

# A backslash before what would be a sign of Markdown or HTML.
_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]<>#|~&!"})


def write_markdown(report: Report) -> str:
    """Write a report as Markdown, as GitHub reads it.

    report (Report): What it says.
    RETURNS (str): The text, with links to pictures beside it.
    """
    rows = [
        f"| {_plain(score.name)} | {_plain(score.value)} | {score.better} "
        f"| {_code(score.signature)} |"
        for score in report.scores
    ]
    samples = [
        f"| {_plain(sample.source)} | {_marked(sample.translation)} "
        f"| {_marked(sample.reference)} | {_plain(sample.score)} |"
        for sample in report.samples
    ]
    lines = [
        f"# {_plain(report.title)}\n",
        *_table("Scores", "| score | value | better | signature |\n|---|--:|---|---|", rows),
        f"## Learning curve\n\n{_plain(report.summary)}\n",
        "![Loss and scores against steps](learning_curve.svg)\n",
        *_table(
            "Samples",
            "| source | translation | closest reference | score |\n|---|---|---|--:|",
            samples,
            "Words in bold differ between translation and reference.\n\n",
        ),
    ]
    if report.attention:
        lines.append("## Attention\n\n![Attention of one translation](attention.svg)\n")
    return "\n".join(lines)


def _table(heading: str, head: str, rows: list[str], note: str = "") -> list[str]:
    """Write a section with a table, or none where there are no rows."""
    return [f"## {heading}\n\n{note}{head}", *rows, ""] if rows else []


def _plain(text: str) -> str:
    """Let text mean itself within a line."""
    return " ".join(text.translate(_SIGNS).split())


def _code(text: str) -> str:
    """Write a signature, whose bars would else end a cell."""
    cell = text.replace("|", r"\|")
    return f"`{cell}`" if cell else ""


def _marked(pieces: Marked | None) -> str:
    """Write words that differ in bold, and spaces around them not."""
    if pieces is None:
        return "—"
    text = ""
    for piece, differs in pieces:
        words = _plain(piece)
        if differs and words:
            before = piece[: len(piece) - len(piece.lstrip())]
            after = piece[len(piece.rstrip()) :]
            text += f"{before}<b>{words}</b>{after}"
        else:
            text += piece.translate(_SIGNS)
    return " ".join(text.split())
