"""Colours, escaped text and the frame of all charts."""

import re
from html import escape as escape_markup
from string import Template

LIGHT = {
    "paper": "#ffffff",
    "ink": "#1f2430",
    "faint": "#5b6472",
    "grid": "#e3e6eb",
    "one": "#1a66d0",
    "two": "#b8500a",
    "three": "#1a7f4b",
    "four": "#8a3fb5",
}
DARK = {
    "paper": "#171a21",
    "ink": "#e8eaee",
    "faint": "#a4adba",
    "grid": "#333a46",
    "one": "#6ea8fe",
    "two": "#f4a261",
    "three": "#5fcf95",
    "four": "#cf9bf0",
}

_FRAME = """\
.$name { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
.$name .paper { fill: $paper }
.$name text { fill: $ink }
.$name .faint { fill: $faint }
"""
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def replace_invalid(text: str) -> str:
    """Replace characters that XML does not allow, such as control characters.

    text (str): Any text, also of a subclass such as markup.
    RETURNS (str): The text with replacement characters, of the same type.
    """
    return type(text)(_NOT_IN_XML.sub("\ufffd", text))


def escape(text: str) -> str:
    """Make text safe between tags and within attributes.

    text (str): Any text.
    RETURNS (str): The same text as markup, with replacement characters for what XML lacks.
    """
    return escape_markup(replace_invalid(text))


def style(rules: str, **names: str) -> str:
    """Format rules of CSS for light and for dark screens.

    rules (str): Rules with `$name` for each colour.
    names (str): Other substitutions by name.
    RETURNS (str): The rules twice. Printed pages are always light.
    """
    light, dark = (Template(rules).substitute(colours, **names) for colours in (LIGHT, DARK))
    return f"{light}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n"


def draw(
    name: str,
    width: float,
    height: float,
    body: list[str],
    *,
    title: str,
    description: str,
    rules: str = "",
) -> str:
    """Frame a chart, which can stand alone or within a page.

    name (str): The class of the chart, the scope of its CSS.
    width (float): The natural width in pixels.
    height (float): The natural height in pixels.
    body (list[str]): The elements of the chart, as markup.
    title (str): The title, for screen readers.
    description (str): What the chart shows, for screen readers.
    rules (str): Rules of CSS, with `$name` for the class and `$colour` for each colour.
    RETURNS (str): The picture as SVG.
    """
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" role="img" '
            f'aria-label="{escape(title)}" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(description)}</desc>",
            f"<style>\n{style(_FRAME + rules, name=name)}</style>",
            f'<rect class="paper" width="{width:g}" height="{height:g}" rx="8"/>',
            *body,
            "</svg>\n",
        ]
    )
