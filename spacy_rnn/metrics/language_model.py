"""Scores of language models: how well texts were foreseen."""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from .common import perplexity_of


def create_language_model_scorer_v1() -> Callable[..., dict[str, Any]]:
    """Make a scorer of language models.

    RETURNS (Callable[..., dict[str, Any]]): `score_examples`.
    """
    return score_examples


def score_examples(
    examples: Iterable[Example],
    *,
    attr_prefix: str = "",
    count_pieces: Callable[[Doc], int] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """Score how well the texts of a corpus were foreseen, with the end of each.

    examples (Iterable[Example]): Examples whose predicted documents a language model has read.
    attr_prefix (str): What the names of its custom attributes begin with.
    count_pieces (Callable[[Doc], int] | None): Counts the pieces of a document.
    RETURNS (dict[str, Any]): "word_perplexity" of a word, that is of a token of spaCy;
        "token_perplexity", where pieces can be counted; "bits_per_char"; and
        "inverse_perplexity", the geometric mean of a word's probability, which is higher the
        better. Nothing if no document was read.
    """
    bits, words, pieces, characters = 0.0, 0, 0, 0
    for example in examples:
        doc = example.predicted
        bits_per_char = doc._.get(f"{attr_prefix}bits_per_char")
        if bits_per_char is None:
            continue
        bits += bits_per_char * (len(doc.text) + 1)
        words += len(doc) + 1
        characters += len(doc.text) + 1
        pieces += count_pieces(doc) + 1 if count_pieces else 0
    if not words:
        return {}
    scores = {
        "word_perplexity": perplexity_of(bits, words),
        "bits_per_char": bits / characters,
        "inverse_perplexity": 1 / perplexity_of(bits, words),
    }
    if pieces:
        scores["token_perplexity"] = perplexity_of(bits, pieces)
    return scores
