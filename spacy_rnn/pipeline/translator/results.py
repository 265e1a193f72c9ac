"""What a translator writes to a document: plain values."""

from typing import TYPE_CHECKING, Any

from spacy.tokens import Doc

from ...text.subwords import Subwords
from .alignment import align, source_places
from .passages import Passage

if TYPE_CHECKING:
    from ...generation.state import Hypothesis

Translation = list[tuple[Passage, "list[Hypothesis]"]]
"""The passages of a document, each with its hypotheses, the best first."""


def describe(
    doc: Doc, translation: Translation, source: Subwords | None, target: Subwords
) -> list[dict[str, Any]]:
    """Put the hypotheses of passages together: the best of all, the second of all, and so on.

    doc (Doc): The document.
    translation (Translation): Its passages with hypotheses.
    source (Subwords | None): The vocabulary of sources; None if the encoder reads tokens.
    target (Subwords): The vocabulary of translations.
    RETURNS (list[dict[str, Any]]): For each of the n best, the best first: "text"; "score";
        "pieces", by name; "piece_scores", their log-probabilities; and "alignment", as
        `align` returns it.
    """
    n_best = max((len(found) for _, found in translation), default=1)
    places = [source_places(passage, source) for passage, _ in translation]
    return [_join(doc, translation, places, target, rank) for rank in range(n_best)]


def _join(
    doc: Doc, translation: Translation, places: list[list[dict]], target: Subwords, rank: int
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "text": "" if translation else doc.text,
        "score": 0.0,
        "pieces": [],
        "piece_scores": [],
        "alignment": [],
    }
    for (passage, found), sources in zip(translation, places, strict=True):
        hypothesis = found[min(rank, len(found) - 1)]
        (text,) = target.decode([hypothesis.pieces])
        result["text"] += passage.before
        shift = len(result["text"])
        written = [(shift + start, shift + end) for start, end in target.spans(hypothesis.pieces)]
        result["text"] += text + passage.after
        result["score"] += hypothesis.score
        result["pieces"] += target.to_pieces(hypothesis.pieces)
        result["piece_scores"] += hypothesis.piece_scores
        result["alignment"] += align(hypothesis, sources, written)
    return result
