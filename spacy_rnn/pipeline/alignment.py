"""Which words of the source a translation comes from."""

from bisect import bisect_left
from typing import TYPE_CHECKING

from spacy.tokens import Doc

from ..text.subwords import Subwords
from .sentences import Passage

if TYPE_CHECKING:
    from ..nn.search.state import Hypothesis

Span = tuple[int, int]


def source_spans(passage: Passage, subwords: Subwords | None) -> list[Span]:
    """Tell which characters each place of a source stands for.

    passage (Passage): What was translated.
    subwords (Subwords | None): How it was cut, or None if its places are tokens.
    RETURNS (list[Span]): Start and end in the passage.
    """
    if subwords is None:
        return [(token.idx, token.idx + len(token)) for token in passage.source]
    return subwords.spans(subwords.encode([passage.source.text])[0])


def align(
    hypothesis: "Hypothesis", passage: Passage, sources: list[Span], targets: list[Span]
) -> list[dict]:
    """Describe where each part of a translation comes from.

    hypothesis (Hypothesis): The translation.
    passage (Passage): What it translates.
    sources (list[Span]): The characters of each place of the source, in the passage.
    targets (list[Span]): The characters of each piece of the translation.
    RETURNS (list[dict]): For each piece its "start" and "end" in the translation, and under
        "source" the places that mattered most, the heaviest first: "start" and "end" in the
        document, the "token" that they end in, and the "weight" of the attention.
    """
    ends = [token.idx + len(token) for token in passage.source]

    def describe(place: int, weight: float) -> dict:
        start, end = sources[place]
        return {
            "start": passage.first_character + start,
            "end": passage.first_character + end,
            "token": passage.first_token + bisect_left(ends, end),
            "weight": weight,
        }

    return [
        {"start": start, "end": end, "source": [describe(*each) for each in places]}
        for (start, end), places in zip(targets, hypothesis.places, strict=True)
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
