"""Alignment of a translation with its source, read off the attention weights."""

from typing import TYPE_CHECKING

import numpy as np
from spacy.tokens import Doc

if TYPE_CHECKING:
    from ...generation.state import Hypothesis
    from .passages import TranslatedPassage

CharRange = tuple[int, int]
"""The first character, and the one after the last."""


def source_positions(
    translated: "TranslatedPassage", piece_ranges: list[CharRange] | None
) -> list[dict]:
    """Describe the source positions that a decoder attends to.

    translated (TranslatedPassage): The passage that was translated.
    piece_ranges (list[CharRange] | None): The characters of each source piece in the passage, or
        None if the positions are tokens.
    RETURNS (list[dict]): For each position "start" and "end" of its characters in the document,
        and the index of the "token" that it ends in.
    """
    first, length = translated.tokens.astype("int64").T
    token_ends = first + length
    if piece_ranges is None:
        starts, ends = first, token_ends
    else:
        starts, ends = np.array(piece_ranges, dtype="int64").reshape(-1, 2).T
    columns = (
        starts + translated.first_character,
        ends + translated.first_character,
        np.searchsorted(token_ends, ends) + translated.first_token,
    )
    return [
        {"start": start, "end": end, "token": token}
        for start, end, token in zip(*(column.tolist() for column in columns), strict=True)
    ]


def align(
    hypothesis: "Hypothesis", positions: list[dict], target_ranges: list[CharRange]
) -> list[dict]:
    """Align each piece of a translation with the source positions that it attends to.

    hypothesis (Hypothesis): The translation.
    positions (list[dict]): The source positions, as `source_positions` describes them.
    target_ranges (list[CharRange]): The characters of each piece in the translation.
    RETURNS (list[dict]): For each piece its "start" and "end" in the translation, and as
        "source" the positions with the highest attention weights, the highest first, each with
        its "weight".
    """
    return [
        {
            "start": start,
            "end": end,
            "source": [
                {**positions[index], "weight": weight}
                for index, weight in zip(indices, weights, strict=True)
            ],
        }
        for (start, end), indices, weights in zip(
            target_ranges, hypothesis.source_positions, hypothesis.attention_weights, strict=True
        )
    ]


def to_matrix(doc: Doc, translation: dict) -> dict | None:
    """Build the matrix of attention weights between source tokens and target pieces.

    doc (Doc): The document that was translated.
    translation (dict): One of its translations.
    RETURNS (dict | None): The "source" tokens, the "target" pieces and the "weights", a list
        for each piece. None if there are no weights, or alignments were not asked for.
    """
    alignment = translation.get("alignment", [])
    if not any(aligned["source"] for aligned in alignment):
        return None
    weights = [[0.0] * len(doc) for _ in alignment]
    for row, aligned in zip(weights, alignment, strict=True):
        for position in aligned["source"]:
            row[position["token"]] += position["weight"]
    return {
        "source": [token.text for token in doc],
        "target": translation["pieces"],
        "weights": weights,
    }
