"""Draw the architecture of the package: its house, the life of a batch, and who imports whom.

python scripts/draw_architecture.py docs/img

The floors of the house are those of the contract in pyproject.toml that import-linter checks.
Imports that only the type checker reads count too. Single modules, such as checks.py,
are the cellar of the house and left out of the graphs: all rooms share them. Without a folder all
imports are printed, with the number of modules that import a module.
"""

import textwrap
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated

import grimp
import typer

from spacy_rnn.report.charts.svg import draw, escape

ROOT = Path(__file__).parents[1]
WIDTH = 540
FONT = '"DejaVu Sans Mono", ui-monospace, Menlo, Consolas, monospace'
RULES = f"""\
.$name .name {{ font: 600 15px {FONT} }}
.$name .small {{ font-size: 13px }}
.$name .heading {{ font-weight: 600 }}
.$name .one {{ fill: $one; stroke: $one }}
.$name .two {{ fill: $two; stroke: $two }}
.$name .three {{ fill: $three; stroke: $three }}
.$name .four {{ fill: $four; stroke: $four }}
.$name .rest {{ fill: $faint; stroke: $faint }}
.$name .room {{ fill-opacity: 0.1; stroke-width: 1.5 }}
.$name .arc {{ fill: none; stroke-width: 1.5 }}
.$name .arrow {{ fill: none; stroke: $faint; stroke-width: 1.5 }}
.$name .head {{ fill: $faint }}
.$name .back {{ fill: none; stroke: $two; stroke-width: 1.5; stroke-dasharray: 5 4 }}
"""

# A line on each room, and the colour of the contracts that it is held to.
ROOMS = {
    "cli": ("python -m spacy rnn", "four"),
    "pipeline": ("spaCy components, a folder for each", "four"),
    "report": ("the report of a training, and its charts", "two"),
    "architectures": ("what a config names: @architectures and @misc", "one"),
    "training": ("corpora, batchers, optimizer, checkpoints", "two"),
    "bridge": ("PyTorch networks as layers of Thinc", "one"),
    "metrics": ("scorers, and one table of metrics", "two"),
    "nn": ("networks in plain PyTorch", "three"),
    "text": ("subwords, units of language models", "two"),
    "generation": ("beam search, greedy search, sampling", "three"),
}
# Shorter ones, next to the arcs.
SHORT = {
    "cli": "commands",
    "pipeline": "spaCy components",
    "report": "reports and charts",
    "architectures": "what a config names",
    "training": "corpora, optimizer, checkpoints",
    "bridge": "PyTorch within Thinc",
    "metrics": "scorers",
    "nn": "networks",
    "text": "subwords, units",
    "generation": "searches and sampling",
}
COLOURS = {
    "four": "joins models and data",
    "one": "knows no corpus and no score",
    "two": "knows no model",
    "three": "needs PyTorch alone",
}
COLOUR_OF_ROW = ("one", "two", "three", "four")
NETWORKS = {
    "characters": "words from their characters",
    "crf": "conditional random field",
    "lm": "language model",
    "seq2seq": "attention, encoder, decoder",
    "text_classifier": "classes of whole texts",
    "pooling": "a sequence as one vector",
    "loss": "loss over a vocabulary",
    "rnn": "cells, layers, scans",
    "dropout": "features, words, weights",
    "init": "initial values",
    "kernels": "how a product is computed",
    "batch": "layouts of sequences",
}


def read_floors(container: str) -> list[list[str]]:
    """Read the floors of a package from the contract that import-linter checks.

    container (str): The package.
    RETURNS (list[list[str]]): The modules of each floor, from the top.
    """
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (
        contract["layers"] for contract in contracts if contract.get("containers") == [container]
    )
    return [layer.split(" | ") for layer in layers]


def draw_house(floors: list[list[str]]) -> str:
    """Draw the rooms of the package, floor by floor.

    floors (list[list[str]]): The modules of each floor, from the top.
    RETURNS (str): The picture as SVG.
    """
    left, right, height, gap = 44, WIDTH - 16, 78, 8
    roof, rooms = floors[0], [floor for floor in floors[1:] if set(floor) <= set(ROOMS)]
    cellar = [module for floor in floors[1:] if floor not in rooms for module in floor]
    middle, top = (left + right) / 2, 96
    body = [
        f'<path class="{ROOMS[roof[0]][1]} room" stroke-linejoin="round" '
        f'd="M{middle} 14 L{right} {top} L{left} {top} Z"/>',
        f'<text class="name" x="{middle}" y="{top - 34}" text-anchor="middle">{roof[0]}</text>',
        f'<text class="small" x="{middle}" y="{top - 13}" text-anchor="middle">'
        f"{escape(ROOMS[roof[0]][0])}</text>",
    ]
    y = top + gap
    for floor in rooms:
        width = (right - left - gap * (len(floor) - 1)) / len(floor)
        for number, room in enumerate(floor):
            line, colour = ROOMS[room]
            x = left + number * (width + gap)
            body += _box(x, y, width, height, colour)
            body.append(f'<text class="name" x="{x + 12}" y="{y + 24}">{room}</text>')
            body += _lines(line, x + 12, y + 44, int((width - 20) / 7))
        y += height + gap
    body += _box(left, y, right - left, 56, "rest")
    body.append(f'<text class="small" x="{left + 12}" y="{y + 22}">shared by all rooms:</text>')
    body.append(
        f'<text class="small faint" x="{left + 12}" y="{y + 42}">{", ".join(cellar)}</text>'
    )
    bottom = y + 56
    body += _arrow(left - 18, top, left - 18, bottom)
    body.append(
        f'<text class="small faint" text-anchor="middle" '
        f'transform="translate({left - 26} {(top + bottom) / 2}) rotate(-90)">'
        f"imports go down only</text>"
    )
    y = bottom + 28
    for number, (colour, meaning) in enumerate(COLOURS.items()):
        x = left + number % 2 * (right - left) / 2
        body += [
            f'<circle class="{colour}" cx="{x + 6}" cy="{y - 4}" r="5"/>',
            f'<text class="small" x="{x + 18}" y="{y}">{meaning}</text>',
        ]
        y += 24 * (number % 2)
    return draw(
        "house",
        WIDTH,
        y,
        body,
        title="The house: rooms of spacy_rnn",
        description="Floors from the top. Each may import those below it: "
        + "; ".join(
            ", ".join(f"{room} ({ROOMS[room][0]})" if room in ROOMS else room for room in floor)
            for floor in floors
        ),
        rules=RULES,
    )


def _box(x: float, y: float, width: float, height: float, colour: str) -> list[str]:
    return [
        f'<rect class="{colour} room" x="{x:g}" y="{y:g}" width="{width:g}" '
        f'height="{height:g}" rx="6"/>'
    ]


def _lines(text: str, x: float, y: float, width: int) -> list[str]:
    """Write a text in lines of some letters."""
    return [
        f'<text class="small" x="{x:g}" y="{y + 18 * number:g}">{escape(line)}</text>'
        for number, line in enumerate(textwrap.wrap(text, width))
    ]


def _arrow(x1: float, y1: float, x2: float, y2: float) -> list[str]:
    """Draw an arrow down, or up."""
    sign = 1 if y2 > y1 else -1
    return [
        f'<path class="arrow" d="M{x1:g} {y1:g} L{x2:g} {y2:g}"/>',
        f'<path class="head" d="M{x2:g} {y2:g} l-4 {-8 * sign} h8 Z"/>',
    ]


def find_imports(graph: grimp.ImportGraph, rooms: set[str]) -> Counter[tuple[str, str]]:
    """Count which of some packages and modules import which.

    graph (ImportGraph): The imports of single modules.
    rooms (set[str]): Packages, with all that is in them, or single modules.
    RETURNS (Counter[tuple[str, str]]): The number of imports from one to another, by their names.
    """
    room_of = {module: room for room in rooms for module in {room, *graph.find_descendants(room)}}
    return Counter(
        (_name(room_of[module]), _name(room_of[imported]))
        for module in room_of
        for imported in graph.find_modules_directly_imported_by(module)
        if imported in room_of and room_of[imported] != room_of[module]
    )


def _name(module: str) -> str:
    return module.rpartition(".")[2]


def draw_imports(
    package: str, imports: Counter[tuple[str, str]], floors: list[list[str]], lines: dict[str, str]
) -> str:
    """Draw imports as arcs between names that stand in a column.

    package (str): The package, for the title.
    imports (Counter[tuple[str, str]]): The number of imports by importer and imported.
    floors (list[list[str]]): The modules of each floor, from the top.
    lines (dict[str, str]): A line on each module that is drawn.
    RETURNS (str): The picture as SVG.
    RAISES (ValueError): If an import goes up.
    """
    names = [name for floor in floors for name in floor if name in lines]
    row, left = 34, 150
    y = {name: 32 + row * number for number, name in enumerate(names)}
    body, paths = [], []
    for importer, imported in sorted(imports):
        colour = COLOUR_OF_ROW[names.index(importer) % len(COLOUR_OF_ROW)]
        start, end = y[importer] + 5, y[imported] - 5
        if end < start:
            raise ValueError(f"{importer} imports {imported}, which is above it: mend the floors")
        reach = 26 + (end - start) * 0.42
        body.append(
            f"<g><title>{importer} imports {imported}</title>"
            f'<path class="{colour} arc" d="M{left - 8} {start} C{left - reach:.1f} {start} '
            f'{left - reach:.1f} {end} {left - 14} {end}"/>'
            f'<path class="{colour}" d="M{left - 7} {end} l-8 -4 v8 Z"/></g>'
        )
        paths.append(f"{importer} → {imported}")
    for number, name in enumerate(names):
        body += [
            f'<circle class="{COLOUR_OF_ROW[number % len(COLOUR_OF_ROW)]}" '
            f'cx="{left}" cy="{y[name]}" r="4"/>',
            f'<text class="name" x="{left + 14}" y="{y[name] + 5}">{name}</text>',
        ]
        body.append(
            f'<text class="small faint" x="{left + 24 + 9.1 * len(name):g}" y="{y[name] + 5}">'
            f"{escape(lines[name])}</text>"
        )
    return draw(
        f"imports-{_name(package)}",
        WIDTH,
        y[names[-1]] + 28,
        body,
        title=f"Imports within {package}",
        description=f"{len(paths)} imports, all downwards: {', '.join(paths)}.",
        rules=RULES,
    )


# Three documents, each with its colour, and the tags that they get.
DOCUMENTS = [
    ("one", ["Where", "is", "it", "?"], ["ADV", "AUX", "PRON", "PUNCT"]),
    ("three", ["Help", "!"], ["VERB", "PUNCT"]),
    ("two", ["A", "quiet", "room"], ["DET", "ADJ", "NOUN"]),
]
LEFT, CELL = 60, 26


def draw_batch() -> str:
    """Draw the life of a batch: from documents to vectors, through a network, and back.

    RETURNS (str): The picture as SVG.
    """
    words = [(color, word) for color, document, _ in DOCUMENTS for word in document]
    lengths = [len(document) for _, document, _ in DOCUMENTS]
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    longest_first = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    body: list[str] = []
    y = 8.0

    body += _stage(y, "1  Documents", "a batch of nlp.pipe or of training", "pipeline")
    body += _documents(y + 46, [document for _, document, _ in DOCUMENTS])
    y += 138

    body += _stage(
        y,
        "2  Embeddings",
        "one row per word, and the lengths; the bridge hands both to PyTorch",
        "architectures",
    )
    body += _vectors(y + 46, [color for color, _ in words], rising=False)
    body.append(
        f'<text class="small" x="{LEFT + 9 * CELL + 24}" y="{y + 72}">lengths '
        f"{', '.join(map(str, lengths))}</text>"
    )
    y += 124

    body += _stage(y, "3  Layout", "step by step, longest first: no padding", "nn/batch")
    for line, number in enumerate(longest_first):
        color = DOCUMENTS[number][0]
        for step in range(lengths[number]):
            x, top = LEFT + step * CELL * 1.6, y + 46 + line * CELL
            body += _cell(x, top, color, str(starts[number] + step + 1))
    y += 142

    body += _stage(y, "4  Scan", "all sequences take a step at once, in both directions", "nn/rnn")
    for line, number in enumerate(longest_first):
        color = DOCUMENTS[number][0]
        middle = y + 46 + line * CELL + CELL / 2 - 1
        end = LEFT + (lengths[number] - 1) * CELL * 1.6
        body.append(f'<path class="arrow" d="M{LEFT - 8} {middle} H{end + CELL + 8}"/>')
        for step in range(lengths[number]):
            x = LEFT + step * CELL * 1.6
            body.append(
                f'<circle class="paper" cx="{x + CELL / 2 - 1}" cy="{middle}" r="9"/>'
                f'<circle class="{color} room" cx="{x + CELL / 2 - 1}" cy="{middle}" r="9"/>'
            )
    x = LEFT + 4 * CELL * 1.6 + 20
    for line, (text, way) in enumerate((("forward", 1), ("backward", -1))):
        middle = y + 58 + 26 * line
        start, end = (x, x + 56) if way > 0 else (x + 56, x)
        body += [
            f'<path class="arrow" d="M{start} {middle} H{end}"/>',
            f'<path class="head" d="M{end + 2 * way} {middle} l{-8 * way} -4 v8 Z"/>',
            f'<text class="small faint" x="{x + 68}" y="{middle + 4}">{text}</text>',
        ]
    y += 142

    body += _stage(
        y,
        "5  Back in order",
        "one row per word again; the bridge hands them back to Thinc",
        "nn/batch",
    )
    body += _vectors(y + 46, [color for color, _ in words], rising=True)
    y += 124

    body += _stage(
        y, "6  Annotations", "scores, then the best labels, set on each document", "pipeline"
    )
    body += _documents(y + 46, [tags for _, _, tags in DOCUMENTS])
    y += 132

    spine, back = 28, WIDTH - 22
    body += _arrow(spine, 21, spine, y - 10)
    body += [
        f'<path class="back" d="M{back} {y - 10} V44"/>',
        f'<path class="two" d="M{back} 40 l-4 8 h8 Z"/>',
        f'<text class="small two" stroke="none" style="stroke: none" text-anchor="middle" '
        f'transform="translate({back + 15} {y / 2}) rotate(-90)">'
        f"in training the gradient of the loss goes back the same way</text>",
    ]
    return draw(
        "batch",
        WIDTH,
        y + 4,
        body,
        title="The life of a batch",
        description="Documents of 4, 2 and 3 words become one row of features per word, one "
        "document after the other, with their lengths. The layout orders the rows step by step, "
        "the longest sequence first, without padding. A scan takes all sequences forward and "
        "backward at once. The rows return to the order of words; labels are chosen and set on "
        "the documents. In training the gradient of the loss goes back the same way.",
        rules=RULES,
    )


def _stage(y: float, heading: str, caption: str, room: str) -> list[str]:
    """Write the heading of a stage, and the room that it happens in."""
    return [
        f'<circle class="head" cx="28" cy="{y + 13}" r="4"/>',
        f'<text class="heading" x="{LEFT - 14}" y="{y + 18}">{escape(heading)}</text>',
        f'<text class="name" text-anchor="end" x="{WIDTH - 44}" y="{y + 18}">{room}</text>',
        f'<text class="small faint" x="{LEFT - 14}" y="{y + 37}">{escape(caption)}</text>',
    ]


def _documents(y: float, texts: list[list[str]]) -> list[str]:
    """Draw the words or tags of each document."""
    body = []
    for line, ((color, words, _), labels) in enumerate(zip(DOCUMENTS, texts, strict=True)):
        top = y + line * CELL
        for number, label in enumerate(labels[: len(words)]):
            x = LEFT + number * 66
            body += _box(x, top, 62, CELL - 4, color)
            body.append(
                f'<text class="small" x="{x + 31}" y="{top + 16}" text-anchor="middle">'
                f"{escape(label)}</text>"
            )
    return body


def _vectors(y: float, colors: list[str], rising: bool) -> list[str]:
    """Draw a vector for each word."""
    body = []
    for number, color in enumerate(colors):
        for feature in range(3):
            shade = (number * (3 if rising else 5) + feature * 2) % 7 / 8 + 0.15
            body.append(
                f'<rect class="{color}" stroke="none" style="stroke: none" '
                f'x="{LEFT + number * CELL}" y="{y + feature * 16}" width="{CELL - 4}" '
                f'height="14" rx="2" fill-opacity="{shade:.2f}"/>'
            )
        body.append(
            f'<text class="small faint" x="{LEFT + number * CELL + CELL / 2 - 2}" y="{y + 62}" '
            f'text-anchor="middle">{number + 1}</text>'
        )
    return body


def _cell(x: float, y: float, color: str, label: str) -> list[str]:
    return [
        *_box(x, y, CELL - 4, CELL - 4, color),
        f'<text class="small" x="{x + CELL / 2 - 2}" y="{y + 16}" text-anchor="middle">'
        f"{label}</text>",
    ]


def draw_all() -> dict[str, str]:
    """Draw everything.

    RETURNS (dict[str, str]): The pictures as SVG, by their names.
    """
    graph = grimp.build_graph("spacy_rnn", cache_dir=None)
    house, networks = read_floors("spacy_rnn"), read_floors("spacy_rnn.nn")
    rooms = {f"spacy_rnn.{room}" for room in ROOMS}
    parts = graph.find_children("spacy_rnn.nn")
    return {
        "house": draw_house(house),
        "batch": draw_batch(),
        "imports": draw_imports("spacy_rnn", find_imports(graph, rooms), house, SHORT),
        "imports_nn": draw_imports("spacy_rnn.nn", find_imports(graph, parts), networks, NETWORKS),
    }


def main(output: Annotated[Path | None, typer.Argument()] = None) -> None:
    """Draw everything into a folder, or print the imports between rooms."""
    if output is None:
        graph = grimp.build_graph("spacy_rnn", cache_dir=None)
        rooms = {f"spacy_rnn.{room}" for room in ROOMS}
        for (importer, imported), number in sorted(find_imports(graph, rooms).items()):
            print(f"{importer} -> {imported}: {number}")
        return
    output.mkdir(parents=True, exist_ok=True)
    for name, picture in draw_all().items():
        (output / f"{name}.svg").write_text(picture, encoding="utf8", newline="\n")


if __name__ == "__main__":
    typer.run(main)
