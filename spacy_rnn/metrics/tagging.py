"""Scores of taggers."""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.scorer import Scorer
from spacy.tokens import Token
from spacy.training import Example


def create_tagger_scorer_v1() -> Callable:
    """Create a scorer of labels: the share of tokens with the right one.

    RETURNS (Callable): The scorer.
    """
    return score_tags


def score_tags(
    examples: Iterable[Example], *, token_attr: str = "tag", **kwargs: Any
) -> dict[str, Any]:
    """Compute the share of tokens with the right label.

    examples (Iterable[Example]): Examples with predictions.
    token_attr (str): The attribute of tokens that holds labels: "tag", "pos" or "morph".
    kwargs (Any): Arguments of spaCy's scorer of attributes.
    RETURNS (dict[str, Any]): "tag_acc", "pos_acc" or "morph_acc"; for "morph" also scores of
        each feature.
    """
    if token_attr != "morph":
        return Scorer.score_token_attr(examples, token_attr, **kwargs)
    examples = list(examples)
    return {
        **Scorer.score_token_attr(examples, token_attr, getter=_get_key, **kwargs),
        **Scorer.score_token_attr_per_feat(examples, token_attr, getter=_get_key, **kwargs),
    }


def _get_key(token: Token, attr: str) -> int:
    return getattr(token, attr).key
