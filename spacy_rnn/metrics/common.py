"""Perplexities and references, for the scores of several components."""

import math

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
    RETURNS (list[str]): The references, empty if the attribute is not set.
    """
    references = example.reference._.get(attr)
    if references is None:
        return []
    return [references] if isinstance(references, str) else list(references)


def perplexity(surprisal: float, units: int) -> float:
    """Compute the perplexity of a text from its negative log-likelihood.

    surprisal (float): The negative log-likelihood of the text, in nats.
    units (int): The number of its pieces or words, the end of each sentence included.
    RETURNS (float): The perplexity per unit, from 1 to the largest finite number.
    """
    if units == 0:
        return 1.0
    return math.exp(min(surprisal / units, 700.0))
