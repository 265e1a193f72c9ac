"""Perplexities and references, for the scores of several components."""

import math
from collections.abc import Iterable

from spacy.tokens import Doc
from spacy.training import Example

BITS = math.log(2)
"""One bit in nats."""


def perplexity_of(bits: float, units: int) -> float:
    """Compute the perplexity of a text from its surprisal.

    bits (float): The surprisal of the text, in bits.
    units (int): The number of its pieces or words, the end of each text included.
    RETURNS (float): The perplexity per unit, from 1 to the largest finite number.
    """
    return perplexity(bits * BITS, units)


def references_of(example: Example, attr: str) -> list[str]:
    """Return the reference translations of an example.

    example (Example): The example.
    attr (str): The custom attribute that holds them.
    RETURNS (list[str]): The references, as `drop_empty` leaves them; none if the attribute is
        not set.
    """
    return translations_of(example.reference, attr)


def translations_of(doc: Doc, attr: str) -> list[str]:
    """Return the translations that a document has been given.

    doc (Doc): The document.
    attr (str): The custom attribute that holds them.
    RETURNS (list[str]): The translations, as `drop_empty` leaves them; none if the attribute is
        not set.
    """
    translations = doc._.get(attr)
    if translations is None:
        return []
    return drop_empty([translations] if isinstance(translations, str) else translations)


def drop_empty(references: Iterable[str | None]) -> list[str]:
    """Leave out empty references where there is another one: they stand for missing ones.

    references (Iterable[str | None]): The references of a text.
    RETURNS (list[str]): Those that are not empty; if none is, one empty one, unless all are None.
    """
    present = [reference for reference in references if reference is not None]
    return [reference for reference in present if reference.strip()] or present[:1]


def perplexity(surprisal: float, units: int) -> float:
    """Compute the perplexity of a text from its negative log-likelihood.

    surprisal (float): The negative log-likelihood of the text, in nats.
    units (int): The number of its pieces or words, the end of each sentence included.
    RETURNS (float): The perplexity per unit, from 1 to the largest finite number.
    """
    if units == 0:
        return 1.0
    return math.exp(min(surprisal / units, 700.0))
