"""Translations as a document holds them: plain values.

The text is written at once. The rest is built when it is first read, or stored, from what the
search returned: it takes as long as a tenth of a greedy search in batches, and often nobody reads
it. What is stored, or comes back from a worker process, has been built before, since a getter
would need the vocabularies of the component there.
"""

from functools import partial
from typing import Any, NamedTuple

from spacy.tokens import Doc

from ...extensions import set_deferred
from ...generation.settings import Detail
from ...text.subwords import Subwords
from .alignment import align, source_positions
from .completeness import find_untranslated
from .passages import TranslatedPassage, Translation
from .stand_ins import to_source


class Describer(NamedTuple):
    """Writes translations to documents.

    attr (str): The custom attribute of the text. With the suffix "s" it holds the n best.
    source (Subwords | None): The source vocabulary; None if the encoder reads tokens.
    target (Subwords): The target vocabulary.
    length_ratio (float): Characters of a translation for each one of its source.
    lang (str | None): The language of translations.
    """

    attr: str
    source: Subwords | None
    target: Subwords
    length_ratio: float
    lang: str | None = None

    def annotate(self, doc: Doc, translation: Translation) -> None:
        """Write the translations of a document to it.

        doc (Doc): The document.
        translation (Translation): Its translation.
        """
        untranslated = "" if translation.passages else doc.text
        doc._.set(self.attr, untranslated + _join_texts(translation.passages, 0))
        describe = partial(self.describe, translation, untranslated)
        lang = f"{self.attr}_lang"
        if self.lang != doc._.get(lang):
            doc._.set(lang, self.lang)
        set_deferred(doc, f"{self.attr}s", describe)

    def describe(self, translation: Translation, untranslated: str = "") -> list[dict[str, Any]]:
        """Join the hypotheses of passages: the best of all, the second best of all, and so on.

        translation (Translation): The translation of a document.
        untranslated (str): The text of a document without any passage.
        RETURNS (list[dict[str, Any]]): The n best translations, the best first: "text". With
            scores also "score"; "pieces", by name; and "piece_scores", their log-probabilities.
            With alignments also "alignment", as `align` returns it; "copied", the "start" and
            "end" of text between passages, and its "source", where it starts in the document; and
            "untranslated", as `find_untranslated` returns it.
        """
        passages, detail = translation
        n_best = max((len(translated.hypotheses) for translated in passages), default=1)
        results = [{"text": untranslated + _join_texts(passages, rank)} for rank in range(n_best)]
        if detail >= Detail.SCORES:
            for rank, result in enumerate(results):
                result |= self._describe_scores(passages, rank)
        if detail >= Detail.ALIGNMENTS:
            positions = [self._describe_source(translated) for translated in passages]
            for rank, result in enumerate(results):
                result |= self._describe_alignments(passages, positions, rank)
                result |= _describe_copies(passages, rank, untranslated)
        return results

    def _describe_scores(self, passages: list[TranslatedPassage], rank: int) -> dict[str, Any]:
        result: dict[str, Any] = {"score": 0.0, "pieces": [], "piece_scores": []}
        for translated in passages:
            hypothesis = translated.hypotheses[_limit(translated, rank)]
            result["score"] += hypothesis.score
            result["pieces"] += self.target.to_pieces(hypothesis.pieces)
            result["piece_scores"] += hypothesis.piece_scores
        return result

    def _describe_source(self, translated: TranslatedPassage) -> list[dict]:
        pieces = translated.source_pieces
        if self.source is None or pieces is None:
            return source_positions(translated, None)
        ranges = to_source(self.source.char_ranges(pieces), translated.stand_ins)
        return source_positions(translated, ranges)

    def _describe_alignments(
        self, passages: list[TranslatedPassage], positions: list[list[dict]], rank: int
    ) -> dict[str, Any]:
        result: dict[str, Any] = {"alignment": [], "untranslated": []}
        shift = 0
        for translated, passage_positions in zip(passages, positions, strict=True):
            index = _limit(translated, rank)
            hypothesis = translated.hypotheses[index]
            shift += len(translated.before)
            ranges = [
                (shift + start, shift + end)
                for start, end in self.target.char_ranges(hypothesis.pieces)
            ]
            shift += len(translated.texts[index]) + len(translated.after)
            result["alignment"] += align(hypothesis, passage_positions, ranges)
            result["untranslated"] += find_untranslated(
                translated, index, passage_positions, self.length_ratio
            )
        return result


def _join_texts(passages: list[TranslatedPassage], rank: int) -> str:
    return "".join(
        f"{translated.before}{translated.texts[_limit(translated, rank)]}{translated.after}"
        for translated in passages
    )


def _describe_copies(
    passages: list[TranslatedPassage], rank: int, untranslated: str
) -> dict[str, Any]:
    """Describe what of a translation is no passage's: white space, and marks of lists."""
    copies = [(0, 0, len(untranslated))]
    position = 0
    for translated in passages:
        copies.append((position, 0, len(translated.before)))
        position += len(translated.before) + len(translated.texts[_limit(translated, rank)])
        end = translated.first_character + translated.length
        copies.append((position, end, len(translated.after)))
        position += len(translated.after)
    copied = [
        {"start": start, "end": start + length, "source": source}
        for start, source, length in copies
        if length
    ]
    return {"copied": copied}


def _limit(translated: TranslatedPassage, rank: int) -> int:
    """Return a rank, or that of the last translation of a passage that has fewer."""
    return min(rank, len(translated.hypotheses) - 1)
