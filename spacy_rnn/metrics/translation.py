"""Scores of translations, by sacreBLEU on detokenised text."""

from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, cast

from spacy.training import Example

from .common import references_of
from .registry import TRANSLATION_METRICS

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric as SacreBLEUMetric


def create_translation_scorer_v1() -> Callable[..., dict[str, Any]]:
    """Make a scorer of translations.

    RETURNS (Callable[..., dict[str, Any]]): `score_examples`.
    """
    return score_examples


def score_examples(
    examples: Iterable[Example], *, attr: str = "translation", **kwargs: Any
) -> dict[str, Any]:
    """Score predicted translations. Examples without a reference do not count.

    examples (Iterable[Example]): Examples with predictions.
    attr (str): The custom attribute that holds translations: of predicted documents a
        string, of reference documents a string or a list of several.
    RETURNS (dict[str, Any]): What `score_translations` returns.
    """
    pairs = [
        (example.predicted._.get(attr) or "", references_of(example, attr)) for example in examples
    ]
    return score_translations([(text, references) for text, references in pairs if references])


def score_translations(pairs: list[tuple[str, list[str]]]) -> dict[str, Any]:
    """Compute all metrics of translations for a corpus.

    pairs (list[tuple[str, list[str]]]): Translations, each with its references.
    RETURNS (dict[str, Any]): The score by each of `TRANSLATION_METRICS`, from 0 to 100 (TER may
        exceed 100), such as "bleu"; and its signature, such as "bleu_signature", by which others
        can compute the same (Post 2018). Empty if there are no pairs.
    """
    if not pairs:
        return {}
    translations = [translation for translation, _ in pairs]
    columns = _columns([references for _, references in pairs])
    scores: dict[str, Any] = {}
    for key, metric in _create_metrics().items():
        scores[key] = metric.corpus_score(translations, cast(list[list[str]], columns)).score
        scores[f"{key}_signature"] = str(metric.get_signature())
    return scores


def compare_translations(
    translations: list[str], others: list[str], references: list[list[str]]
) -> dict[str, dict[str, float]]:
    """Compare two systems on a corpus by paired bootstrap resampling (Koehn 2004).

    translations (list[str]): Translations by one system.
    others (list[str]): Translations of the same sources by another system.
    references (list[list[str]]): The references of each; sources without any are left out.
    RETURNS (dict[str, dict[str, float]]): For each of `TRANSLATION_METRICS` the "score" of the
        first system, that of the "other", and "p": the probability of so large a difference by
        chance, from 1,000 samples.
    """
    from sacrebleu.significance import PairedTest

    rows = [row for row in zip(translations, others, references, strict=True) if row[2]]
    translations, others = [row[0] for row in rows], [row[1] for row in rows]
    columns = _columns([row[2] for row in rows])
    metrics = _create_metrics()
    test = PairedTest(
        [("others", others), ("translations", translations)],
        metrics,
        cast(list[list[str]], columns),
        test_type="bs",
        n_samples=1000,
    )
    results = cast(dict[str, Any], test()[1])
    # The test calls metrics by names of its own, "chrF2" for "chrf", in the same order.
    names = {metric: name for name, metric in test.metrics.items()}
    comparison = {}
    for key, metric in metrics.items():
        baseline, system = results[names[metric]]
        comparison[key] = {
            "score": system.score,
            "other": baseline.score,
            # For equal translations the bootstrap would find the difference significant.
            "p": system.p_value if translations != others else 1.0,
        }
    return comparison


def _create_metrics() -> "dict[str, SacreBLEUMetric]":
    return {key: metric.create() for key, metric in TRANSLATION_METRICS.items() if metric.create}


def _columns(references: list[list[str]]) -> list[list[str | None]]:
    """Transpose references to sacreBLEU's layout, with None where a source has fewer."""
    return [list(column) for column in zip_longest(*references)]
