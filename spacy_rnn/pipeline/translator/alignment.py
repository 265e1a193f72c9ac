"""Which words of the source a translation comes from."""

from typing import TYPE_CHECKING

import numpy as np
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc

from ...architectures.seq2seq import text_of
from ...text.subwords import Subwords
from .passages import Passage

if TYPE_CHECKING:
    from ...generation.state import Hypothesis

CharRange = tuple[int, int]


def source_places(passage: Passage, subwords: Subwords | None) -> list[dict]:
    """Tell what each place of a source stands for.

    passage (Passage): What was translated.
    subwords (Subwords | None): How it was cut, or None if its places are tokens.
    RETURNS (list[dict]): The "start" and "end" of its characters in the document, and the
        "token" that it ends in.
    """
    first, length = passage.source.to_array([IDX, LENGTH]).astype("int64").T
    ends = first + length
    if subwords is None:
        starts, stops = first, ends
    else:
        spans = subwords.spans(subwords.encode([text_of(passage.source)])[0])
        starts, stops = np.array(spans, dtype="int64").reshape(-1, 2).T
    columns = (
        starts + passage.first_character,
        stops + passage.first_character,
        np.searchsorted(ends, stops) + passage.first_token,
    )
    return [
        {"start": start, "end": end, "token": token}
        for start, end, token in zip(*(column.tolist() for column in columns), strict=True)
    ]


def align(hypothesis: "Hypothesis", sources: list[dict], targets: list[CharRange]) -> list[dict]:
    """Describe where each part of a translation comes from.

    hypothesis (Hypothesis): The translation.
    sources (list[dict]): What each place of the source stands for, as `source_places` tells.
    targets (list[CharRange]): The characters of each piece of the translation.
    RETURNS (list[dict]): For each piece its "start" and "end" in the translation, and under
        "source" the places that mattered most, the heaviest first, with the "weight" of the
        attention.
    """
    return [
        {
            "start": start,
            "end": end,
            "source": [
                {**sources[place], "weight": weight}
                for place, weight in zip(places, weights, strict=True)
            ],
        }
        for (start, end), places, weights in zip(
            targets, hypothesis.places, hypothesis.weights, strict=True
        )
    ]


def to_matrix(doc: Doc, translation: dict) -> dict | None:
    """Sum up an alignment as a matrix.

    doc (Doc): The document that was translated.
    translation (dict): One of its translations.
    RETURNS (dict | None): The "source" tokens, the "target" pieces and the "weights", a list
        for each piece. None if there are no weights.
    """
    if not any(each["source"] for each in translation["alignment"]):
        return None
    weights = [[0.0] * len(doc) for _ in translation["alignment"]]
    for row, aligned in zip(weights, translation["alignment"], strict=True):
        for place in aligned["source"]:
            row[place["token"]] += place["weight"]
    return {
        "source": [token.text for token in doc],
        "target": translation["pieces"],
        "weights": weights,
    }
