"""A report as one page of HTML."""

from .charts.svg import escape, style
from .differences import Marked
from .facts import Report, Sample, Score

LAYOUT = """\
:root { color-scheme: light dark }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 54rem;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1.5rem }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .45rem .75rem .45rem 0; vertical-align: baseline }
th { font-weight: 500 }
.value { text-align: right; font-variant-numeric: tabular-nums; font-weight: 600 }
thead th, .note, .better, dt { font-size: .85rem; font-weight: 400 }
.better, .card .note { white-space: nowrap }
code { font-size: .75rem; overflow-wrap: anywhere }
figure { margin: 0 }
figure svg { display: block }
.fitted svg { width: 100%; max-width: 36rem; height: auto }
.scrolled { overflow-x: auto }
.card { border-radius: .6rem; padding: .9rem 1rem; margin: 0 0 1rem; break-inside: avoid }
.card p, dd { margin: 0 }
.card [dir] { overflow-wrap: anywhere; white-space: pre-line }
.card header { display: flex; gap: 1rem; justify-content: space-between }
dl { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem 1.5rem; margin: .7rem 0 0 }
mark { background: none; color: inherit; font-weight: 600; padding: 0 .1em; border-radius: .2em;
  text-decoration: underline; text-underline-offset: .2em }
.reference mark { text-decoration-style: dotted }
h2, h2 + p { break-after: avoid }
@media (max-width: 36rem) {
  dl { grid-template-columns: 1fr }
  .scores thead { display: none }
  .scores tr { display: grid; grid-template-columns: 1fr auto; padding: .45rem 0 }
  .scores th, .scores td { padding: 0 }
  .scores td:nth-child(n + 3) { grid-column: 1 / -1 }
  .scores td:empty { display: none }
}
@media print {
  body { padding: 0; max-width: none; font-size: 10pt }
  .scrolled svg { max-width: 100%; height: auto }
  .fitted svg { max-width: 22rem }
  figure { break-inside: avoid }
}
"""
COLOURS = """\
body { background: $paper; color: $ink }
thead th, .note, dt, .better, code { color: $faint }
th, td { border-bottom: 1px solid $grid }
.card { border: 1px solid $grid }
.translation mark { color: $two }
.reference mark { color: $three }
@media (max-width: 36rem) {
  .scores th, .scores td { border: 0 }
  .scores tr { border-bottom: 1px solid $grid }
}
"""


def write_page(report: Report) -> str:
    """Write a report as HTML that needs no other file.

    report (Report): What it says.
    RETURNS (str): The page. It is well-formed XML too.
    """
    body = [f"<h1>{escape(report.title)}</h1>"]
    if report.scores:
        body += ["<h2>Scores</h2>", _scores(report.scores)]
    body += [
        f"<h2>Learning curve</h2>\n<p>{escape(report.summary)}</p>",
        f'<figure class="fitted">\n{report.curve}</figure>',
    ]
    if report.samples:
        body += [
            '<h2>Samples</h2>\n<p class="note">Underlined: words that differ between a '
            "translation and the closest of its references.</p>",
            *map(_sample, report.samples),
        ]
    if report.attention:
        body += [
            '<h2>Attention</h2>\n<p class="note">A row for each piece that was written, a column '
            "for each word that was read: the stronger the colour, the more it counted.</p>",
            f'<figure class="scrolled" tabindex="0">\n{report.attention}</figure>',
        ]
    lines = "\n".join(body)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{escape(report.title)}</title>
<style>
{LAYOUT}{style(COLOURS)}</style>
</head>
<body>
<main>
{lines}
</main>
</body>
</html>
"""


def _scores(scores: list[Score]) -> str:
    """Write the table of scores."""
    rows = "\n".join(
        f'<tr><th scope="row">{escape(score.name)}</th><td class="value">{escape(score.value)}'
        f'</td><td class="better">{f"{score.better} is better" if score.better else ""}</td>'
        f"<td>{_signature(score.signature)}</td></tr>"
        for score in scores
    )
    return (
        '<table class="scores">\n<thead><tr><th scope="col">Score</th>'
        '<th scope="col" class="value">Value</th><th scope="col"></th>'
        f'<th scope="col">Signature</th></tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>'
    )


def _signature(signature: str) -> str:
    """Write how a score was computed, to be broken between its parts."""
    return f"<code>{escape(signature).replace('|', '|<wbr/>')}</code>" if signature else ""


def _sample(sample: Sample) -> str:
    """Write a translation beside its reference."""
    which = "Reference" if sample.references < 2 else f"Closest of {sample.references} references"
    reference = "—" if sample.reference is None else _marked(sample.reference)
    return (
        f'<article class="card">\n<header><p dir="auto">{escape(sample.source)}</p>'
        f'<p class="note">score {escape(sample.score)}</p></header>\n'
        f'<dl><div class="translation"><dt>Translation</dt><dd dir="auto">'
        f"{_marked(sample.translation)}</dd></div>\n"
        f'<div class="reference"><dt>{which}</dt><dd dir="auto">{reference}</dd></div></dl>\n'
        "</article>"
    )


def _marked(pieces: Marked) -> str:
    """Mark words that differ."""
    return "".join(
        f"<mark>{escape(piece)}</mark>" if differs else escape(piece) for piece, differs in pieces
    )
