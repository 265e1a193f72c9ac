"""Draw the pictures of the README and the documentation from trainings of the phrasebook.

    mkdir -p training/phrasebook
    script -qc "python -m spacy project run train" training/phrasebook/terminal.txt
    python -m spacy project run ner
    python scripts/draw_pictures.py docs/img

`script` records the terminal, here one of 96 columns.
"""

import json
import re
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer

from spacy_rnn.pipeline.translator.alignment import to_matrix
from spacy_rnn.report.charts.attention import render_attention
from spacy_rnn.report.charts.curves import render_learning_curve
from spacy_rnn.report.charts.svg import draw, escape

# In German the verb goes to the end, and the time before the place. Of the phrasebook's dev part.
TRANSLATED = "Can Felix come to the doctor on Sunday morning?"
# One name, a person and a place: the model is less sure of the person.
RECOGNIZED = "Will Jordan fly from Jordan to Paris on Friday at 8:30?"
SHOWN = ("Training pipeline", "show")

MONOSPACE = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'
# The width of a letter for each pixel of the font's size. Consolas is narrower: textLength helps.
LETTER = 0.602
COLOURS = ("one", "two", "three", "four")
RULES = f"""\
.$name .mono {{ font-family: {MONOSPACE} }}
.$name .bold {{ font-weight: 600 }}
.$name .small {{ font-size: 13px }}
.$name .frame {{ fill: none; stroke: $grid }}
.$name .one {{ fill: $one }}
.$name .two {{ fill: $two }}
.$name .three {{ fill: $three }}
.$name .four {{ fill: $four }}
.$name rect.box {{ fill-opacity: 0.14 }}
.$name rect.all {{ fill-opacity: 0.25 }}
"""


def main(
    output: Annotated[Path, typer.Argument(help="The folder of the pictures")],
    run: Annotated[Path, typer.Option(help="The folder that the trainings ran in")] = Path(),
) -> None:
    """Draw all pictures."""
    output.mkdir(parents=True, exist_ok=True)
    training = run / "training" / "phrasebook"
    ner = run / "training" / "phrasebook-ner" / "model-best"
    log = (training / "log.jsonl").read_text(encoding="utf8").splitlines()
    # Not as text, in which the carriage returns of progress bars would be ends of lines.
    terminal = (training / "terminal.txt").read_bytes().decode("utf8")
    pictures = {
        "attention": draw_attention(training / "model-best", TRANSLATED),
        "entities": draw_entities(ner, RECOGNIZED),
        "learning_curve": render_learning_curve([json.loads(line) for line in log]),
        "terminal": draw_terminal("python -m spacy project run train", terminal, SHOWN),
    }
    for name, picture in pictures.items():
        (output / f"{name}.svg").write_text(picture, encoding="utf8", newline="\n")


def draw_attention(model: Path, text: str) -> str:
    """Draw the attention of a translation, word by word.

    model (Path): A pipeline with `rnn_translator`.
    text (str): What to translate.
    RETURNS (str): The picture as SVG.
    """
    doc = spacy.load(model)(text)
    alignment = to_matrix(doc, doc._.translations[0])
    if alignment is None:
        raise ValueError(f"{model} has no attention to draw: give a translator with attention")
    return render_attention(**join_pieces(alignment))


def join_pieces(alignment: dict[str, Any]) -> dict[str, Any]:
    """Join the pieces of each word of a translation.

    alignment (dict[str, Any]): "source" tokens, "target" pieces and the "weights" of each piece.
    RETURNS (dict[str, Any]): The same with words and marks of punctuation as "target". The
        weights of a word are the mean of those of its pieces.
    """
    words: list[str] = []
    rows: list[list[list[float]]] = []
    for piece, weights in zip(alignment["target"], alignment["weights"], strict=True):
        if words and piece.isalnum():
            words[-1] += piece
            rows[-1].append(weights)
        else:
            words.append(piece.removeprefix("▁"))
            rows.append([weights])
    means = [[sum(column) / len(column) for column in zip(*row, strict=True)] for row in rows]
    return {"source": alignment["source"], "target": words, "weights": means}


def draw_entities(model: Path, text: str) -> str:
    """Draw the entities of a text with their probabilities.

    model (Path): A pipeline with `rnn_ner`.
    text (str): The text.
    RETURNS (str): The picture as SVG.
    """
    doc = spacy.load(model)(text)
    labels = list(dict.fromkeys(ent.label_ for ent in doc.ents))
    # An entity is one part, and so is each other token.
    parts = [(ent.start, ent.text, ent.label_, ent._.confidence) for ent in doc.ents]
    parts += [(token.i, token.text, "", None) for token in doc if not token.ent_type_]
    width, margin, size, row = 470, 20, 17, 74
    letter, small = size * LETTER, 13 * LETTER
    x, y, body = float(margin), 20, []
    for start, words, label, confidence in sorted(parts):
        caption = f"{label} {confidence:.3f}" if label else ""
        inner = max(len(words) * letter, len(caption) * small)
        outer = inner + (20 if label else 0)
        if x + outer > width - margin:
            x, y = margin, y + row
        elif start and doc[start - 1].whitespace_:
            x += 10
        centre = x + outer / 2
        if label:
            colour = COLOURS[labels.index(label) % len(COLOURS)]
            bar = f'x="{x + 10:.1f}" y="{y + 47}" height="4" rx="2"'
            body += [
                f'<rect class="{colour} box" x="{x:.1f}" y="{y}" width="{outer:.1f}" '
                f'height="58" rx="6"/>',
                f'<text class="mono small {colour}" x="{centre:.1f}" y="{y + 40}" '
                f'text-anchor="middle">{escape(caption)}</text>',
                f'<rect class="{colour} all" {bar} width="{inner:.1f}"/>',
                f'<rect class="{colour}" {bar} width="{inner * confidence:.1f}"/>',
            ]
        body.append(
            f'<text class="mono" style="font-size: {size}px" x="{centre:.1f}" y="{y + 22}" '
            f'text-anchor="middle">{escape(words)}</text>'
        )
        x += outer
    found = "; ".join(f"{ent.text}, {ent.label_}: {ent._.confidence:.3f}" for ent in doc.ents)
    return draw(
        "entities",
        width,
        y + row,
        body,
        title="Entities and their probabilities",
        description=f"{text} {found}",
        rules=RULES,
    )


Run = tuple[str, str]
"""Classes and letters of a part of a line on a terminal."""


def draw_terminal(command: str, transcript: str, sections: tuple[str, ...]) -> str:
    """Draw some sections of what a command has printed.

    command (str): The command.
    transcript (str): The output, with the codes of a terminal.
    sections (tuple[str, ...]): The headings of the sections to draw.
    RETURNS (str): The picture as SVG. A line of dots stands for what is left out.
    """
    lines = [[("bold", f"$ {command}")], *select_sections(read_lines(transcript), sections)]
    size, height, left, top = 13, 19, 18, 44
    letter = size * LETTER
    columns = max(sum(len(text) for _, text in line) for line in lines)
    width, bottom = left * 2 + columns * letter, top + height * len(lines) + 14
    body = [
        f'<rect class="frame" x="0.5" y="0.5" rx="8" width="{width - 1:g}" '
        f'height="{bottom - 1:g}"/>',
        *(f'<circle class="faint" cx="{left + 6 + 20 * dot}" cy="18" r="5"/>' for dot in range(3)),
        f'<path class="frame" d="M0 34 H{width:.0f}"/>',
    ]
    for number, line in enumerate(lines):
        y, column = top + height * (number + 0.7), 0
        for classes, text in line:
            if text.strip():
                body.append(
                    f'<text xml:space="preserve" class="mono {classes}" '
                    f'style="font-size: {size}px" x="{left + column * letter:.1f}" y="{y:.1f}" '
                    f'textLength="{len(text) * letter:.1f}">{escape(text)}</text>'
                )
            column += len(text)
    printed = "\n".join("".join(text for _, text in line).rstrip() for line in lines)
    return draw(
        "terminal",
        width,
        bottom,
        body,
        title=f"The output of {command}",
        description=printed,
        rules=RULES,
    )


CODE = re.compile(r"\x1b\[([\d;]*)([A-Za-z])")
# Commands of the project, logged warnings, and the last line of a recording.
UNWANTED = re.compile(r"Running command: |\[\d{4}-\d\d-\d\d |Script done on ")
CLASSES = {"1": "bold", "38;5;1": "two", "38;5;2": "three", "38;5;3": "two", "38;5;4": "one"}


def read_lines(transcript: str) -> list[list[Run]]:
    """Read the lines that stand on a terminal in the end.

    transcript (str): The output of a command, with codes of colours. What a progress bar
        writes over is lost.
    RETURNS (list[list[Run]]): For each line its parts, each in one style.
    """
    lines: list[list[Run]] = []
    style = ""
    for printed in transcript.replace("\r\n", "\n").split("\n"):
        letters: list[Run] = []
        for text in printed.split("\r"):
            at = position = 0
            while at < len(text):
                if code := CODE.match(text, at):
                    if code[2] == "m":
                        style = "" if code[1] in ("", "0") else CLASSES.get(code[1], style)
                    at = code.end()
                else:
                    letters[position : position + 1] = [(style, text[at])]
                    at, position = at + 1, position + 1
        parts = groupby(letters, key=lambda letter: letter[0])
        line = [(kind, "".join(letter for _, letter in run)) for kind, run in parts]
        lines.append(line if any(text.strip() for _, text in line) else [])
    return lines


def select_sections(lines: list[list[Run]], sections: tuple[str, ...]) -> list[list[Run]]:
    """Select sections by the headings that wasabi draws.

    lines (list[list[Run]]): Lines.
    sections (tuple[str, ...]): The headings of some sections.
    RETURNS (list[list[Run]]): The lines of these sections. One of dots stands where others were.
    RAISES (ValueError): If there is no such section.
    """
    kept: list[list[Run]] = []
    keeps = skipped = False
    found = set()
    for line in lines:
        text = "".join(text for _, text in line)
        if heading := re.fullmatch(r"=+ (.+) =+", text.strip()):
            keeps = heading[1] in sections
            found.add(heading[1])
        if keeps:
            if skipped:
                kept += [[("faint", "...")], []]
            # One blank line at most between two others.
            if not UNWANTED.match(text) and (line or (kept and kept[-1])):
                kept.append(line)
        skipped = not keeps
    if missing := set(sections) - found:
        raise ValueError(
            f"The transcript has no section {sorted(missing)}: it has {sorted(found)}"
        )
    return kept if kept[-1:] != [[]] else kept[:-1]


if __name__ == "__main__":
    typer.run(main)
