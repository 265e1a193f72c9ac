"""Translations as a document holds them: plain values.

They are built at once and not when they are first read. What is read later, from a `DocBin` or in
the parent of a worker process, has to be in the document: a getter would need the vocabularies of
the component there. Building them takes about 2 % of the time of a search with one hypothesis for
each passage.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from spacy.tokens import Doc

from ...text.subwords import Subwords
from .alignment import align, source_positions
from .completeness import find_untranslated
from .passages import Passage

if TYPE_CHECKING:
    from ...generation.state import Hypothesis


class TranslatedPassage(NamedTuple):
    """A passage and its translations.

    passage (Passage): The passage.
    source_pieces (list[int] | None): The pieces that the encoder read. None if it reads tokens.
    hypotheses (list[Hypothesis]): Its translations, the best first.
    """

    passage: Passage
    source_pieces: list[int] | None
    hypotheses: "list[Hypothesis]"


Translation = list[TranslatedPassage]
"""The translated passages of a document, in order."""


def describe(
    doc: Doc,
    translation: Translation,
    source: Subwords | None,
    target: Subwords,
    length_ratio: float,
) -> list[dict[str, Any]]:
    """Join the hypotheses of passages: the best of all, the second best of all, and so on.

    doc (Doc): The document.
    translation (Translation): Its translated passages.
    source (Subwords | None): The source vocabulary; None if the encoder reads tokens.
    target (Subwords): The target vocabulary.
    length_ratio (float): Characters of a translation for each one of its source.
    RETURNS (list[dict[str, Any]]): The n best translations, the best first: "text"; "score";
        "pieces", by name; "piece_scores", their log-probabilities; "alignment", as `align`
        returns it; and "untranslated", as `find_untranslated` does.
    """
    n_best = max((len(translated.hypotheses) for translated in translation), default=1)
    positions = [
        source_positions(
            translated.passage,
            None
            if source is None or translated.source_pieces is None
            else source.char_ranges(translated.source_pieces),
        )
        for translated in translation
    ]
    return [
        _join(doc, translation, positions, target, length_ratio, rank) for rank in range(n_best)
    ]


def _join(
    doc: Doc,
    translation: Translation,
    positions: list[list[dict]],
    target: Subwords,
    length_ratio: float,
    rank: int,
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "text": "" if translation else doc.text,
        "score": 0.0,
        "pieces": [],
        "piece_scores": [],
        "alignment": [],
        "untranslated": [],
    }
    for (passage, _, hypotheses), passage_positions in zip(translation, positions, strict=True):
        hypothesis = hypotheses[min(rank, len(hypotheses) - 1)]
        (text,) = target.decode([hypothesis.pieces])
        result["text"] += passage.before
        shift = len(result["text"])
        target_ranges = [
            (shift + start, shift + end) for start, end in target.char_ranges(hypothesis.pieces)
        ]
        result["text"] += text + passage.after
        result["score"] += hypothesis.score
        result["pieces"] += target.to_pieces(hypothesis.pieces)
        result["piece_scores"] += hypothesis.piece_scores
        result["alignment"] += align(hypothesis, passage_positions, target_ranges)
        result["untranslated"] += find_untranslated(
            hypothesis, passage_positions, len(text), length_ratio
        )
    return result
