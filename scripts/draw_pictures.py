"""Draw the pictures of the README and the documentation, from what trainings have left.

python scripts/draw_pictures.py docs/img, where `spacy project run train` has been run.
"""

from pathlib import Path
from typing import Annotated, Any

import spacy
import typer

from spacy_rnn.pipeline.translator.alignment import to_matrix
from spacy_rnn.report.charts.attention import render_attention

# In German the verb goes to the end, and the time before the place. Of the phrasebook's dev part.
TRANSLATED = "Can Felix come to the doctor on Sunday morning?"
RUN = Path("training")


def main(
    output: Annotated[Path, typer.Argument(help="The folder of the pictures")],
    translator: Annotated[Path, typer.Option(help="A pipeline with rnn_translator")] = RUN
    / "phrasebook"
    / "model-best",
) -> None:
    """Draw all pictures."""
    output.mkdir(parents=True, exist_ok=True)
    pictures = {"attention": draw_attention(translator, TRANSLATED)}
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


if __name__ == "__main__":
    typer.run(main)
