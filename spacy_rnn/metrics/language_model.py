"""Scores of language models: how well texts were predicted."""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.training import Example

from .common import perplexity_of

TOTALS = "spacy-rnn.{attr_prefix}totals"
"""Key of `doc.user_data` under which a language model stores a document's totals: its surprisal in
bits and its number of pieces, the end of the text included in both."""


def create_language_model_scorer_v1() -> Callable[..., dict[str, Any]]:
    """Create a scorer of language models: perplexity per word and per piece, bits per character.

    RETURNS (Callable[..., dict[str, Any]]): The scorer.
    """
    return score_examples


def score_examples(
    examples: Iterable[Example], *, attr_prefix: str = "", **kwargs: Any
) -> dict[str, Any]:
    """Score how well the texts of a corpus were predicted, with the end of each.

    examples (Iterable[Example]): Examples whose predicted documents a language model has read.
    attr_prefix (str): Prefix of the names of its custom attributes.
    kwargs (Any): Arguments of other scorers, unused.
    RETURNS (dict[str, Any]): "word_perplexity", per token of spaCy; "token_perplexity", per
        piece of the vocabulary; "bits_per_char"; and "inverse_perplexity", the geometric mean
        of a word's probability: higher is better. Empty if no document was read.
    """
    bits, words, pieces, characters = 0.0, 0, 0, 0
    for example in examples:
        doc = example.predicted
        totals = doc.user_data.get(TOTALS.format(attr_prefix=attr_prefix))
        if totals is None:
            continue
        doc_bits, doc_pieces = totals
        bits += doc_bits
        pieces += doc_pieces
        words += len(doc) + 1
        characters += len(doc.text) + 1
    if not words:
        return {}
    word_perplexity = perplexity_of(bits, words)
    return {
        "word_perplexity": word_perplexity,
        "token_perplexity": perplexity_of(bits, pieces),
        "bits_per_char": bits / characters,
        "inverse_perplexity": 1 / word_perplexity,
    }
