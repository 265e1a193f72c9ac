"""The surprisal of each line of a log as a bar chart."""

import math

from .svg import draw, escape

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 20, 56, 44
MAX_TICKS = 4
RULES = """\
.$name .grid { stroke: $grid }
.$name .label { font-size: 12px }
.$name .heading { font-weight: 600 }
.$name line.usual { stroke: $one; stroke-width: 1.6 }
.$name line.odd { stroke: $two; stroke-width: 2.4 }
.$name circle.odd { fill: $two }
.$name circle.usual { fill: $one }
"""


def render_surprisal(bits: list[float], odd: dict[int, str]) -> str:
    """Draw the surprisal of each line, with known anomalies in another colour.

    bits (list[float]): The surprisal of each line, in bits.
    odd (dict[int, str]): Why a line is known to be odd, by its index from 0.
    RETURNS (str): The picture as SVG.
    """
    highest = max([*bits, 1.0])
    step = _round_up(highest / MAX_TICKS)
    ticks = math.ceil(highest / step)
    top = step * ticks
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    floor = HEIGHT - BOTTOM
    body = [f'<text class="heading" x="{LEFT}" y="24">Surprisal of each line</text>']
    body += _draw_legend()
    for tick in range(ticks + 1):
        y = floor - up * tick / ticks
        body += [
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="label faint" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{step * tick:g}</text>",
        ]
    for index, height in enumerate(bits):
        x = LEFT + across * (index + 0.5) / len(bits)
        y = floor - up * height / top
        kind = "odd" if index in odd else "usual"
        reason = f": {odd[index]}" if index in odd else ""
        body.append(
            f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{floor}" y2="{y:.1f}">'
            f"<title>{escape(f'line {index + 1}, {height:.1f} bits{reason}')}</title></line>"
        )
        if index in odd:
            body.append(f'<circle class="odd" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
    body.append(
        f'<text class="label faint" x="{LEFT}" y="{HEIGHT - 16}">bits; '
        f"line 1 to {len(bits)}</text>"
    )
    return draw(
        "surprisal",
        WIDTH,
        HEIGHT,
        body,
        title="Surprisal of each line",
        description=f"Bits of {len(bits)} lines, {len(odd)} of them odd.",
        rules=RULES,
    )


def _round_up(number: float) -> float:
    """Return the next number of one digit 1, 2 or 5, and zeros."""
    unit = 10 ** math.floor(math.log10(number))
    return next(times * unit for times in (1, 2, 5, 10) if times * unit >= number)


def _draw_legend() -> list[str]:
    """Draw the legend of colours."""
    parts = []
    for x, kind, name in ((WIDTH - 250, "usual", "usual line"), (WIDTH - 130, "odd", "odd line")):
        parts += [
            f'<circle class="{kind}" cx="{x}" cy="20" r="4.5"/>',
            f'<text class="label" x="{x + 10}" y="24">{name}</text>',
        ]
    return parts
