"""Loss and scores of a training against its steps."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

from ...metrics.registry import METRICS, Metric, find_metric, title_of, titles_of
from .svg import draw, escape

WIDTH = 440
LEFT = 70
RIGHT = 24
PANEL = 132
HEADING = 34
GAP = 12
LINE = 19
LETTER = 8
BOTTOM = 46
NOTHING = "Nothing has been logged yet."
COLOURS = ("one", "two", "three", "four")
# Lines of one colour differ in their dashes.
DASHES = ("none", "7 3", "2 3", "9 3 2 3")
RULES = """\
.$name .grid { stroke: $grid }
.$name .label { font-size: 13px }
.$name .heading { font-weight: 600 }
.$name .line { fill: none; stroke-width: 2; stroke-linejoin: round }
.$name path.one { stroke: $one } .$name circle.one, .$name tspan.one { fill: $one }
.$name path.two { stroke: $two } .$name circle.two, .$name tspan.two { fill: $two }
.$name path.three { stroke: $three } .$name circle.three, .$name tspan.three { fill: $three }
.$name path.four { stroke: $four } .$name circle.four, .$name tspan.four { fill: $four }
"""

Curve = list[tuple[int, float | None]]


class Panel(NamedTuple):
    """A part of the chart: curves that share a scale."""

    heading: str
    curves: dict[str, Curve]
    titles: dict[str, str]
    """The names of curves as people write them."""
    logarithmic: bool = False


class Scale(NamedTuple):
    """A mapping of numbers to pixels, and the numbers to label."""

    to_pixels: Callable[[float], float]
    ticks: list[float]


def render_learning_curve(
    rows: list[dict[str, Any]], *, scores: tuple[str, ...] = ("bleu", "perplexity")
) -> str:
    """Draw the loss and the scores of a training against its steps.

    rows (list[dict[str, Any]]): The rows of a log, as the console logger writes them.
        A loss, which is a sum since the row before, is spread over its steps. What is
        null or missing leaves a gap.
    scores (tuple[str, ...]): Parts of the names of scores, a panel for each. Perplexity
        that falls to a tenth is drawn on a logarithmic scale. Where there are no such scores, the
        score that the best model is chosen by is drawn.
    RETURNS (str): The picture as SVG.
    RAISES (ValueError): If steps do not rise from row to row.
    """
    for before, after in pairwise(rows):
        if after["step"] <= before["step"]:
            raise ValueError(
                f"Step {after['step']} comes after step {before['step']}: give the log of one "
                f"training, in its order"
            )
    score_panels = [panel for part in scores if (panel := _score_panel(rows, part)).curves]
    panels = [_loss_panel(rows), *(score_panels or [_final_score_panel(rows)])]
    panels = [panel for panel in panels if panel.curves]
    steps = [row["step"] for row in rows]
    first, last = min(steps, default=0), max(steps, default=0)
    x = _exact(first, last, LEFT, WIDTH - RIGHT, max(_round_step(first, last), 1))
    body, bottom = [], 0.0
    for panel in panels:
        drawn, bottom = _draw_panel(panel, x, bottom)
        body += drawn
    if panels:
        body += _draw_steps(x, bottom)
    else:
        body.append(f'<text x="8" y="24">{NOTHING}</text>')
    return draw(
        "learning-curve",
        WIDTH,
        bottom + BOTTOM,
        body,
        title="Learning curve",
        description=_describe(panels, steps),
        rules=RULES,
    )


def _loss_panel(rows: list[dict[str, Any]]) -> Panel:
    """Divide each loss, a sum over the steps since the row before, by their number."""
    starts = [-1, *(row["step"] for row in rows)]
    curves: dict[str, Curve] = {name: [] for name in _names(rows, "losses")}
    for start, row in zip(starts, rows, strict=False):
        for name, curve in curves.items():
            loss = _number(row, "losses", name)
            curve.append((row["step"], None if loss is None else loss / (row["step"] - start)))
    return Panel(
        "Training loss, mean of a step", _with_numbers(curves), {name: name for name in curves}
    )


def _score_panel(rows: list[dict[str, Any]], part: str) -> Panel:
    """Collect all scores whose names have a part in common."""
    metric = METRICS.get(part)
    curves: dict[str, Curve] = {
        name: [(row["step"], _number(row, "scores", name)) for row in rows]
        for name in _names(rows, "scores")
        if part in name.lower() and (metric is None or _have_one_direction(name, metric))
    }
    curves = _with_numbers(curves)
    numbers = [y for curve in curves.values() for _, y in curve if y is not None]
    logarithmic = part == "perplexity" and bool(numbers) and 0 < min(numbers) <= max(numbers) / 10
    heading = title_of(part)
    heading = f"{heading}, logarithmic" if logarithmic else heading
    return Panel(heading, curves, titles_of(curves), logarithmic)


def _final_score_panel(rows: list[dict[str, Any]]) -> Panel:
    """Collect the weighted mean of scores by which the best model is chosen."""
    curve: Curve = [(row["step"], _finite(row.get("score"))) for row in rows]
    return Panel("Score", _with_numbers({"score": curve}), {"score": "Score"})


def _have_one_direction(score: str, metric: Metric) -> bool:
    """Whether a score improves in the direction of a metric: inverse perplexity rises."""
    found = find_metric(score)
    return found is None or found.higher_is_better == metric.higher_is_better


def _names(rows: list[dict[str, Any]], kind: str) -> list[str]:
    """List all names of losses or scores, in the order in which they come."""
    return list({name: None for row in rows for name in row.get(kind, {})})


def _number(row: dict[str, Any], kind: str, name: str) -> float | None:
    """Return a number, or None where it is missing, infinite or not a number."""
    return _finite(row.get(kind, {}).get(name))


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _with_numbers(curves: dict[str, Curve]) -> dict[str, Curve]:
    """Return the curves that are more than gaps."""
    return {name: curve for name, curve in curves.items() if any(y is not None for _, y in curve)}


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    """Create a scale that begins and ends with round numbers."""
    step = _round_step(low, high)
    return _exact(math.floor(low / step) * step, math.ceil(high / step) * step, start, end, step)


def _exact(low: float, high: float, start: float, end: float, step: float) -> Scale:
    """Create a scale with a number at each step, or with one number in the middle."""
    if low == high:
        middle = (start + end) / 2
        return Scale(lambda number: middle + (number - low), [low])
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = [number * step for number in range(first, last + 1)]
    return Scale(lambda number: start + (number - low) / (high - low) * (end - start), ticks)


def _round_step(low: float, high: float) -> float:
    """Choose a round number that a range has some five of."""
    raw = (high - low) / 5 or 1.0
    magnitude = 10.0 ** math.floor(math.log10(raw))
    return next(size * magnitude for size in (1, 2, 5, 10) if raw <= size * magnitude * 1.0001)


def _logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    """Create a logarithmic scale with ticks at powers of ten."""
    lowest, highest = math.floor(math.log10(low)), math.log10(high)
    exponents = _exact(lowest, highest, start, end, math.ceil((highest - lowest) / 6))
    ticks = [10.0**exponent for exponent in exponents.ticks]
    return Scale(lambda number: exponents.to_pixels(math.log10(number)), ticks)


def _draw_panel(panel: Panel, x: Scale, above: float) -> tuple[list[str], float]:
    """Draw the axis and the curves of a panel, and return its lower edge."""
    body = [f'<text class="heading" x="8" y="{above + 24:g}">{escape(panel.heading)}</text>']
    names, height = _draw_names([panel.titles[name] for name in panel.curves], above + 24)
    body += names
    top = above + HEADING + height
    numbers = [y for curve in panel.curves.values() for _, y in curve if y is not None]
    scale = _logarithmic if panel.logarithmic else _linear
    y = scale(min(numbers), max(numbers), top + PANEL - 6, top + 6)
    for tick in y.ticks:
        at = f"{y.to_pixels(tick):.2f}"
        body += [
            f'<line class="grid" x1="{LEFT - 8}" x2="{WIDTH - RIGHT + 8}" y1="{at}" y2="{at}"/>',
            f'<text class="label faint" x="{LEFT - 14}" y="{at}" text-anchor="end" '
            f'dominant-baseline="central">{tick:,.6g}</text>',
        ]
    for number, (name, curve) in enumerate(panel.curves.items()):
        dash = DASHES[number // len(COLOURS) % len(DASHES)]
        title = panel.titles[name]
        body += _draw_curve(name, title, curve, x, y, COLOURS[number % len(COLOURS)], dash)
    return body, top + PANEL + GAP


def _draw_curve(
    name: str, title: str, curve: Curve, x: Scale, y: Scale, colour: str, dash: str
) -> list[str]:
    """Draw a curve with its gaps, and a dot with a tooltip for each number."""
    path, dots, pen = [], [], "M"
    for step, number in curve:
        if number is None:
            pen = "M"
            continue
        at_x, at_y = f"{x.to_pixels(step):.2f}", f"{y.to_pixels(number):.2f}"
        path.append(f"{pen}{at_x} {at_y}")
        dots.append(
            f'<circle class="{colour}" cx="{at_x}" cy="{at_y}" r="2.5">'
            f"<title>{escape(title)}, step {step:,}: {number:.4g}</title></circle>"
        )
        pen = "L"
    return [
        f'<g data-name="{escape(name)}">',
        f'<path class="line {colour}" stroke-dasharray="{dash}" d="{" ".join(path)}"/>',
        *dots,
        "</g>",
    ]


def _draw_names(names: list[str], top: float) -> tuple[list[str], float]:
    """Draw the names of curves in their colours, and return the height of these lines."""
    lines: list[str] = []
    left = math.inf
    for number, name in enumerate(names if len(names) > 1 else []):
        width = LETTER * len(name) + 18
        if left + width > WIDTH and left > 8:
            lines.append("")
            left = 8
        colour = COLOURS[number % len(COLOURS)]
        lines[-1] += f'<tspan class="{colour}" x="{left:g}">{escape(name)}</tspan>'
        left += width
    texts = [
        f'<text class="label" y="{top + LINE * number:g}">{line}</text>'
        for number, line in enumerate(lines, start=1)
    ]
    return texts, LINE * len(lines)


def _draw_steps(x: Scale, bottom: float) -> list[str]:
    """Draw the axis that all panels share."""
    ticks = [
        f'<text class="label faint" x="{x.to_pixels(tick):.2f}" y="{bottom + 12:g}" '
        f'text-anchor="middle">{tick:,.10g}</text>'
        for tick in x.ticks
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [
        *ticks,
        f'<text class="label" x="{middle}" y="{bottom + 32:g}" text-anchor="middle">step</text>',
    ]


def _describe(panels: list[Panel], steps: list[int]) -> str:
    """Describe in words where each curve begins and ends."""
    if not panels:
        return NOTHING
    sentences = [f"Steps {steps[0]:,} to {steps[-1]:,}."]
    for panel in panels:
        for name, curve in panel.curves.items():
            numbers = [y for _, y in curve if y is not None]
            curves = f", {panel.titles[name]}" if len(panel.curves) > 1 else ""
            sentences.append(
                f"{panel.heading}{curves}: from {numbers[0]:.4g} to {numbers[-1]:.4g}."
            )
    return " ".join(sentences)
