"""Draw the badges of the README from the metadata of the package.

python scripts/draw_badges.py docs/img
"""

from configparser import ConfigParser
from html import escape
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).parents[1]
# Widths in text of 11 px are estimated: SVG measures no text, but fits it into a length.
CHARACTER, MARGIN = 6.5, 10
BADGE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img">
<title>{title}</title>
<rect width="{width}" height="20" rx="3" fill="#4a505c"/>
<path d="M{left} 0h{span}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{span}z" fill="#1a66d0"/>
<g fill="#fff" font-family="system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif" \
font-size="11" text-anchor="middle">
<text x="{middle_left}" y="14" textLength="{length_left}">{label}</text>
<text x="{middle_right}" y="14" textLength="{length_right}">{value}</text>
</g>
</svg>
"""


def main(output: Annotated[Path, typer.Argument(help="The folder of the badges")]) -> None:
    """Draw all badges."""
    output.mkdir(parents=True, exist_ok=True)
    for name, picture in draw_badges().items():
        (output / f"badge-{name}.svg").write_text(picture, encoding="utf8", newline="\n")


def draw_badges() -> dict[str, str]:
    """Draw what the metadata say: version, Python, spaCy, licence.

    RETURNS (dict[str, str]): The pictures as SVG, by name.
    """
    metadata = ConfigParser()
    metadata.read(ROOT / "setup.cfg", encoding="utf8")
    required = dict(
        line.replace(",", "").split(">=", 1)
        for line in metadata["options"]["install_requires"].split()
        if ">=" in line
    )
    return {
        "version": draw_badge("version", metadata["metadata"]["version"]),
        "python": draw_badge("Python", metadata["options"]["python_requires"].lstrip(">=") + "+"),
        "spacy": draw_badge("spaCy", required["spacy"].split("<")[0] + "+"),
        "licence": draw_badge("licence", metadata["metadata"]["license"]),
    }


def draw_badge(label: str, value: str) -> str:
    """Draw a badge.

    label (str): The left half.
    value (str): The right half.
    RETURNS (str): The picture as SVG.
    """
    left, right = (round(len(text) * CHARACTER) for text in (label, value))
    edge = left + MARGIN
    return BADGE.format(
        title=escape(f"{label}: {value}"),
        label=escape(label),
        value=escape(value),
        width=left + right + 2 * MARGIN,
        left=edge,
        span=right + MARGIN - 3,
        middle_left=edge / 2,
        middle_right=edge + (right + MARGIN) / 2,
        length_left=left,
        length_right=right,
    )


if __name__ == "__main__":
    typer.run(main)
