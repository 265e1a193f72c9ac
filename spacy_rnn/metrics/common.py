"""What the scores of several components share."""

import math

from spacy.training import Example

BITS = math.log(2)
"""A bit in nats."""


def perplexity_of(bits: float, units: int) -> float:
    """Turn the surprisal of a text into a perplexity.

    bits (float): The surprisal, in bits.
    units (int): What it is shared among: pieces or words, with an end for each text.
    RETURNS (float): The perplexity, at least 1 and never more than the largest number.
    """
    return perplexity(bits * BITS, units)


def references_of(example: Example, attr: str) -> list[str]:
    """Give the reference translations of an example.

    example (Example): The example.
    attr (str): The custom attribute that holds them.
    RETURNS (list[str]): All of them; none where the attribute is not set.
    """
    references = example.reference._.get(attr)
    if references is None:
        return []
    return [references] if isinstance(references, str) else list(references)


def perplexity(surprisal: float, units: int) -> float:
    """Turn a negative log-likelihood into a perplexity.

    surprisal (float): The negative log-likelihood of a text, in nats.
    units (int): What it is shared among: pieces or words, with an end for each sentence.
    RETURNS (float): The perplexity, at least 1 and never more than the largest number.
    """
    if units == 0:
        return 1.0
    return math.exp(min(surprisal / units, 700.0))
