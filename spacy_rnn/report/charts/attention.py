"""Attention of a translation as a heat map."""

import math
import unicodedata

from .svg import draw, escape

CELL = 26
MARGIN = 16
LEGEND = 44
SLANT = math.radians(45)
RULES = """\
.$name .cell { fill: $one; stroke: $paper; stroke-width: 2.5 }
.$name .grid { fill: $grid; fill-opacity: 0.5 }
.$name g:hover > .cell { stroke: $ink }
"""
# What cannot be seen is shown by the signs that keyboards and editors use.
VISIBLE = str.maketrans({" ": "␣", "\n": "⏎", "\r": "⏎", "\t": "⇥"})


def render_attention(source: list[str], target: list[str], weights: list[list[float]]) -> str:
    """Draw attention as a heat map, a row for each target token.

    source (list[str]): The source tokens.
    target (list[str]): The target tokens.
    weights (list[list[float]]): For each target token the weight of each source token,
        from 0 to 1.
    RETURNS (str): The picture as SVG.
    RAISES (ValueError): If there is not one weight for each pair of tokens, or one is out
        of its bounds.
    """
    _check_weights(source, target, weights)
    columns = [token.translate(VISIBLE) for token in source]
    rows = [token.translate(VISIBLE) for token in target]
    left = MARGIN + max(map(_text_width, rows), default=0) + 8
    rise = max(map(_text_width, columns), default=0) * math.sin(SLANT)
    top = MARGIN + rise + 12
    right = max(
        ((index + 0.5) * CELL + _text_width(token) * math.cos(SLANT) + CELL / 2)
        for index, token in enumerate([*columns, ""])
    )
    grid_width, grid_height = CELL * len(source), CELL * len(target)
    body = [_slanted(left + (x + 0.5) * CELL, top - 8, token) for x, token in enumerate(columns)]
    for y, row in enumerate(weights):
        body.append(
            f'<text class="target" x="{left - 8:.1f}" y="{top + (y + 0.5) * CELL:.1f}" '
            f'text-anchor="end" dominant-baseline="central">{escape(rows[y])}</text>'
        )
        body += [
            _cell(left + x * CELL, top + y * CELL, weight, f"{rows[y]} ← {columns[x]}")
            for x, weight in enumerate(row)
        ]
    body += _legend(left, top + grid_height + 14)
    return draw(
        "attention",
        math.ceil(left + max(grid_width, right, 5 * CELL + 40) + MARGIN),
        math.ceil(top + grid_height + LEGEND + MARGIN),
        body,
        title="Attention",
        description=f"How much each of {len(target)} target tokens (rows) attends to each of "
        f"{len(source)} source tokens (columns): {' '.join(source)} → {' '.join(target)}",
        rules=RULES,
    )


def _check_weights(source: list[str], target: list[str], weights: list[list[float]]) -> None:
    """Check that there is a weight from 0 to 1 for each pair of tokens."""
    if len(weights) != len(target):
        raise ValueError(
            f"There are {len(weights)} rows of weights for {len(target)} target tokens: give "
            f"one row for each"
        )
    for number, row in enumerate(weights):
        if len(row) != len(source):
            raise ValueError(
                f"Row {number} has {len(row)} weights for {len(source)} source tokens: give "
                f"one for each"
            )
        for weight in row:
            # Sums of a softmax in half precision may end a little above 1.
            if not -0.01 <= weight <= 1.01:
                raise ValueError(
                    f"Row {number} has the weight {weight}: weights go from 0 to 1, as they "
                    f"come from a softmax"
                )


def _text_width(text: str) -> float:
    """Estimate the width of a label, rather too wide than cut off."""
    return sum(
        0 if unicodedata.combining(sign) else 14 if _is_wide(sign) else 8.5 for sign in text
    )


def _is_wide(sign: str) -> bool:
    """Whether a character is as wide as it is high."""
    return unicodedata.east_asian_width(sign) in "WF" or sign in "MWmw%@—…"


def _slanted(x: float, y: float, token: str) -> str:
    """Draw the slanted label of a column."""
    return (
        f'<text class="source" transform="translate({x:.1f} {y:.1f}) '
        f'rotate({-math.degrees(SLANT):g})">{escape(token)}</text>'
    )


def _cell(x: float, y: float, weight: float, label: str) -> str:
    """Draw one weight, with its number as a tooltip."""
    opacity = min(max(weight, 0.0), 1.0)
    bounds = f'x="{x:.1f}" y="{y:.1f}" width="{CELL}" height="{CELL}" rx="5"'
    return (
        f"<g><title>{escape(label)}: {weight:.3f}</title>"
        f'<rect class="grid" {bounds}/>'
        f'<rect class="cell" {bounds} fill-opacity="{opacity:.4f}"/></g>'
    )


def _legend(x: float, y: float) -> list[str]:
    """Draw the legend of shades."""
    middle = y + CELL / 4
    label = f'y="{middle:.1f}" dominant-baseline="central"'
    swatches = []
    for step in range(5):
        bounds = (
            f'x="{x + 16 + step * CELL:.1f}" y="{y:.1f}" width="{CELL}" height="{CELL / 2}" rx="4"'
        )
        swatches += [
            f'<rect class="grid" {bounds}/>',
            f'<rect class="cell" {bounds} fill-opacity="{step / 4}"/>',
        ]
    return [
        '<g class="legend">',
        f'<text class="faint" x="{x:.1f}" {label}>0</text>',
        *swatches,
        f'<text class="faint" x="{x + 24 + 5 * CELL:.1f}" {label}>1</text>',
        "</g>",
    ]
