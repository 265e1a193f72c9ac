"""What the training data of a translator are like, for prediction to go by."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from spacy.training import Example

from ...metrics.common import references_of
from ..examples import track_examples
from ..missing import MissingGold
from .passages import find_sentences, has_line_breaks

MIN_SHARE = 0.1
"""The share of the sources that have to have as many sentences, or line breaks, for a translator
to be taken to have learned it."""


class PairStatistics(NamedTuple):
    """Statistics of pairs of texts and translations.

    max_sentences (int): The number of sentences that a passage may have: so many, or more, have a
        tenth of the sources.
    line_breaks (bool): Whether a passage may have line breaks or tabs: a tenth of the sources have
        some.
    length_ratio (float): Characters of the translations for each one of the sources.
    """

    max_sentences: int = 1
    line_breaks: bool = False
    length_ratio: float = 1.0


def count_pairs(
    get_examples: Callable[[], Iterable[Example]], attr: str, missing: MissingGold
) -> PairStatistics:
    """Count what the training data of a translator hold, and say how many teach it nothing.

    get_examples (Callable[[], Iterable[Example]]): Returns the training data.
    attr (str): The custom attribute of references that holds their translation.
    missing (MissingGold): Says how many examples have none.
    RETURNS (PairStatistics): Their statistics.
    """
    sentences: Counter[int] = Counter()
    annotated = []
    broken = source_length = target_length = 0
    for example in track_examples(get_examples, "Counting pairs"):
        references = references_of(example, attr)
        annotated.append(bool(references))
        if not references:
            continue
        doc = example.reference
        found = find_sentences(doc, line_breaks=True)
        sentences[len(found)] += 1
        broken += bool(found) and has_line_breaks(doc, found[0][0], found[-1][1])
        source_length += len(doc.text)
        target_length += len(references[0])
    pairs = sentences.total()
    missing.check("training", annotated)
    if not pairs:
        return PairStatistics()
    longest = max(
        number
        for number in sentences
        if sum(count for each, count in sentences.items() if each >= number) >= MIN_SHARE * pairs
    )
    return PairStatistics(
        max_sentences=max(1, longest),
        line_breaks=broken >= MIN_SHARE * pairs,
        length_ratio=round(target_length / max(1, source_length), 4),  # As JSON stores it.
    )
