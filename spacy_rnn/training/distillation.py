"""Sequence-level distillation (Kim & Rush 2016): what of a teacher's translations is learned."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, repeat
from typing import Any

import numpy as np

from ..checks import check_choice
from ..metrics.registry import Tokenization
from ..metrics.sentence import SENTENCE_METRICS, create_sentence_metric, find_closest

KEEPS = ("closest", "best", "all")
"""tuple[str, ...]: What can be kept of the n best translations of a source."""

Keep = Callable[[list[dict[str, Any]], list[str]], list[str]]
"""Chooses texts among the n best translations of a source, given its references."""


def create_keep(keep: str, n_best: int, metric: str, tokenization: Tokenization) -> Keep:
    """Create a function that chooses among the n best translations of a source.

    keep (str): "closest", the one closest to a reference (section 3.3 of the paper); "best", the
        one that the teacher ranks first (section 3.2); or "all", `n_best` texts, each translation
        as often as its probability among them says.
    n_best (int): The number of translations that are searched for.
    metric (str): How close a translation is: "bleu" or "chrf", of sentences.
    tokenization (Tokenization): How BLEU finds words.
    RETURNS (Keep): The function.
    RAISES (ValueError): If there is no such choice.
    """
    check_choice("keep", keep, KEEPS)
    check_choice("metric", metric, SENTENCE_METRICS)
    if keep == "all":
        return partial(_keep_all, n_best=n_best)
    if keep == "best":
        return _keep_best
    closest = partial(find_closest, metric=create_sentence_metric(metric, tokenization))
    return lambda translations, references: [
        closest([translation["text"] for translation in translations], references)
    ]


def apportion(log_weights: Sequence[float], number: int) -> list[int]:
    """Share a number among weights in proportion, by the method of the largest remainders.

    log_weights (Sequence[float]): The logarithms of the weights.
    number (int): What to share.
    RETURNS (list[int]): The share of each, which sum to the number; of equal remainders the first
        counts more.
    """
    weights = np.exp(np.subtract(log_weights, np.max(log_weights)))
    quotas = number * weights / weights.sum()
    shares = np.floor(quotas).astype("int64")
    largest = np.argsort(shares - quotas, kind="stable")[: number - shares.sum()]
    shares[largest] += 1
    return shares.tolist()


def _keep_best(translations: list[dict[str, Any]], references: list[str]) -> list[str]:
    return [translations[0]["text"]]


def _keep_all(
    translations: list[dict[str, Any]], references: list[str], *, n_best: int
) -> list[str]:
    shares = apportion([sum(each["piece_scores"]) for each in translations], n_best)
    texts = (translation["text"] for translation in translations)
    return list(chain.from_iterable(map(repeat, texts, shares)))
