"""Documents with a translation that is aligned by hand."""

import spacy
from spacy.tokens import Doc

from spacy_rnn.extensions import ensure_deferred_extension, ensure_extension

ENGLISH, GERMAN = spacy.blank("en"), spacy.blank("de")


def translated(source: str, target: str, links: list[list[int]]) -> Doc:
    """Make a document as a translator leaves it.

    Each word is aligned with words of the source by their numbers, all with the same weight.
    """
    ensure_extension("translation")
    ensure_deferred_extension("translations")
    doc = ENGLISH(source)
    words = [token for token in doc if not token.is_space]
    targets = [token for token in GERMAN(target) if not token.is_space]
    doc._.translation = target
    alignment = [
        {**_range_of(token), "source": [_describe(words[i], 1 / len(numbers)) for i in numbers]}
        for token, numbers in zip(targets, links, strict=True)
    ]
    doc._.translations = [{"text": target, "alignment": alignment}]
    return doc


def _describe(token, weight):
    return {**_range_of(token), "token": token.i, "weight": weight}


def _range_of(token):
    return {"start": token.idx, "end": token.idx + len(token)}
