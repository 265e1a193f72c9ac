"""Translations that leave out a part of their source."""

import logging
from itertools import chain, pairwise
from statistics import median
from typing import TYPE_CHECKING

from spacy.tokens import Doc

if TYPE_CHECKING:
    from .passages import TranslatedPassage, Translation

logger = logging.getLogger("spacy")

MIN_COMPLETENESS = 0.42
"""Least completeness of a translation. Less has one in 200 translations of single sentences by a
translator of the phrasebook, most of them wrong; and of two sentences that it was made to
translate as one, of which it mostly drops the second, four in five; of three nearly all."""

SLACK = 10
"""Characters that a translation may be shorter than expected, so that short ones count little."""

MIN_LOG_PROB = -2.0
"""Median log-probability of the pieces of a translation, in nats, below which its network has
hardly learned anything: at the first evaluation of a training it is -7, later -0.1."""


class IncompleteCount:
    """Counts the translations of a stream that leave something out.

    length_ratio (float): Characters of a translation for each one of its source.

    documents (int): The number of documents.
    incomplete (list[str]): The beginnings of those whose translation leaves something out.
    """

    def __init__(self, length_ratio: float):
        self.length_ratio = length_ratio
        self.documents = 0
        self.incomplete: list[str] = []

    def add(self, docs: list[Doc], translations: "list[Translation]") -> None:
        """Count translations.

        docs (list[Doc]): The documents.
        translations (list[Translation]): Their translations, with alignments.
        """
        self.documents += len(docs)
        self.incomplete += [
            doc.text[:60]
            for doc, translation in zip(docs, translations, strict=True)
            if is_incomplete(translation, self.length_ratio)
        ]

    def warn(self, name: str, attr: str, max_sentences: int) -> None:
        """Say how many there are: some, or nothing should be said.

        name (str): The name of the component.
        attr (str): The custom attribute of the text.
        max_sentences (int): The maximum number of sentences in a passage.
        """
        logger.warning(
            '"%s": %d of %d translations seem to leave out a part of the text, the first that of '
            '%r. doc._.%ss[0]["untranslated"] says which. Where passages have more sentences than '
            "sources of the training data had, set max_sentences to translate fewer as one (it is "
            "%d). This is said once",
            name,
            len(self.incomplete),
            self.documents,
            self.incomplete[0],
            attr,
            max_sentences,
        )


def is_incomplete(translation: "Translation", length_ratio: float) -> bool:
    """Whether a translation leaves something out though its network has learned to translate.

    translation (Translation): The translation of a document, with alignments.
    length_ratio (float): Characters of a translation for each one of its source.
    RETURNS (bool): Whether that is worth saying.
    """
    if not any(_is_incomplete(translated, 0, length_ratio) for translated in translation.passages):
        return False
    scores = chain.from_iterable(
        translated.hypotheses[0].piece_scores for translated in translation.passages
    )
    return median(scores) >= MIN_LOG_PROB


def find_untranslated(
    translated: "TranslatedPassage", rank: int, positions: list[dict], length_ratio: float
) -> list[dict[str, int]]:
    """Find what a translation of a passage leaves out, if it is far from complete.

    The completeness is the share of the source positions that have attention, times how long the
    translation is for its source, at most 1. Either alone is often low in a good translation.

    translated (TranslatedPassage): The passage.
    rank (int): Which of its translations, 0 for the best.
    positions (list[dict]): The source positions, as `source_positions` describes them.
    length_ratio (float): Characters of a translation for each one of its source.
    RETURNS (list[dict[str, int]]): The "start" and "end" of the characters in the document: of
        the longest part without attention, or of the whole passage where all of it has some, or
        nothing has. Empty if the translation seems to be complete.
    """
    if not _is_incomplete(translated, rank, length_ratio):
        return []
    # Positions with attention, and one before and after all: the longest gap is between two.
    covered = set(chain.from_iterable(translated.hypotheses[rank].source_positions))
    edges = [-1, *sorted(covered), len(positions)]
    gap, first = max((after - before, before + 1) for before, after in pairwise(edges))
    first, last = (first, first + gap - 2) if gap > 1 else (0, len(positions) - 1)
    return [{"start": positions[first]["start"], "end": positions[last]["end"]}]


def _is_incomplete(translated: "TranslatedPassage", rank: int, length_ratio: float) -> bool:
    covered = set(chain.from_iterable(translated.hypotheses[rank].source_positions))
    share = len(covered) / translated.number_of_positions if covered else 1.0
    length = len(translated.texts[rank])
    relative_length = (length + SLACK) / (translated.length * length_ratio + SLACK)
    return min(1.0, relative_length) * share < MIN_COMPLETENESS
