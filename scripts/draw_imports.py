"""Draw which room of the package imports which, and the same within `nn`, as Mermaid.

Imports that only the type checker reads count too. Modules beside the rooms, such as checks.py,
are left out: all rooms share them. With `--counts` each arrow bears the number of modules that
import a module. With a file, the drawing replaces what is between its marks.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated

import grimp
import typer

BEGIN, END = "<!-- imports: begin -->", "<!-- imports: end -->"


def draw(graph: grimp.ImportGraph, rooms: set[str], counts: bool = False) -> str:
    """Draw which of some packages and modules import which.

    graph (ImportGraph): The imports of single modules.
    rooms (set[str]): What is drawn: packages, with all that is in them, or single modules.
    counts (bool): Whether each arrow bears the number of its imports.
    RETURNS (str): A block of Mermaid.
    """
    room_of = {module: room for room in rooms for module in {room, *graph.find_descendants(room)}}
    arrows = Counter(
        (room_of[module], room_of[imported])
        for module in room_of
        for imported in graph.find_modules_directly_imported_by(module)
        if imported in room_of
    )
    lines = ["```mermaid", "flowchart TD", *(f"    {_name(room)}" for room in sorted(rooms))]
    for (room, imported), count in sorted(arrows.items()):
        if room != imported:
            label = f"|{count}|" if counts else ""
            lines.append(f"    {_name(room)} -->{label} {_name(imported)}")
    return "\n".join([*lines, "```"])


def _name(module: str) -> str:
    return module.rpartition(".")[2]


def draw_all(counts: bool = False) -> str:
    """Draw the package and its networks.

    counts (bool): Whether each arrow bears the number of its imports.
    RETURNS (str): Two blocks of Mermaid.
    """
    graph = grimp.build_graph("spacy_rnn", cache_dir=None)
    rooms = {child for child in graph.find_children("spacy_rnn") if graph.find_children(child)}
    house = draw(graph, rooms, counts)
    networks = draw(graph, graph.find_children("spacy_rnn.nn"), counts)
    return f"{house}\n\nWithin `nn`:\n\n{networks}"


def embed(text: str, drawing: str) -> str:
    """Put a drawing between the marks of a text.

    text (str): A text with both marks.
    drawing (str): What to put there.
    RETURNS (str): The text with the drawing.
    RAISES (ValueError): If the text has no marks.
    """
    pattern = f"{re.escape(BEGIN)}.*{re.escape(END)}"
    if not re.search(pattern, text, re.DOTALL):
        raise ValueError(f"There are no marks for the drawing: add the lines {BEGIN} and {END}")
    return re.sub(pattern, lambda _: f"{BEGIN}\n{drawing}\n{END}", text, flags=re.DOTALL)


def main(file: Annotated[Path | None, typer.Argument()] = None, counts: bool = False) -> None:
    """Print the drawing, or write it into a file."""
    if file is None:
        print(draw_all(counts))
    else:
        text = embed(file.read_text(encoding="utf8"), draw_all(counts))
        file.write_text(text, encoding="utf8", newline="\n")


if __name__ == "__main__":
    typer.run(main)
