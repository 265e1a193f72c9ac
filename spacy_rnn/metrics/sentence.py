"""Scores of single translations."""

from typing import TYPE_CHECKING

from .registry import TRANSLATION_METRICS, Tokenization

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric as SacreBLEUMetric

SENTENCE_METRICS = ("bleu", "chrf")
"""tuple[str, ...]: The metrics that a single sentence can be scored by."""


def create_sentence_metric(key: str, tokenization: Tokenization) -> "SacreBLEUMetric":
    """Create a metric that scores single sentences.

    key (str): "bleu" or "chrf".
    tokenization (Tokenization): How BLEU finds words.
    RETURNS (SacreBLEUMetric): The metric. BLEU counts no n-grams that are longer than the
        translation, and smooths the precision of others (method 3 of Chen & Cherry 2014).
    """
    create = TRANSLATION_METRICS[key].create
    assert create is not None
    metric = create(tokenization)
    vars(metric).update({"effective_order": True} if key == "bleu" else {})
    return metric


def find_closest(translations: list[str], references: list[str], metric: "SacreBLEUMetric") -> str:
    """Find the translation that is closest to a reference.

    translations (list[str]): Translations of a text.
    references (list[str]): Its references.
    metric (SacreBLEUMetric): The metric to compare by.
    RETURNS (str): The translation with the highest score, the first of several.
    """
    return max(translations, key=lambda text: metric.sentence_score(text, references).score)
