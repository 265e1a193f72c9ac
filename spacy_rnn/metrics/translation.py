"""Scores of translations, by sacreBLEU on detokenised text."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from spacy.training import Example

from .common import references_of


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
    """Compute BLEU, chrF and TER of a corpus.

    pairs (list[tuple[str, list[str]]]): Translations, each with its references.
    RETURNS (dict[str, Any]): "bleu" (Papineni et al. 2002), "chrf" (Popović 2015) and "ter"
        (Snover et al. 2006), from 0 to 100, TER perhaps above; the signature of each, by
        which others can compute the same (Post 2018). Nothing if there are no pairs.
    """
    from sacrebleu.metrics import BLEU, CHRF, TER

    if not pairs:
        return {}
    translations = [translation for translation, _ in pairs]
    columns = _columns([references for _, references in pairs])
    scores: dict[str, Any] = {}
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF()), ("ter", TER())):
        scores[name] = metric.corpus_score(translations, cast(list[list[str]], columns)).score
        scores[f"{name}_signature"] = str(metric.get_signature())
    return scores


def compare_translations(
    translations: list[str], others: list[str], references: list[list[str]]
) -> dict[str, dict[str, float]]:
    """Tell whether two translations of a corpus differ, by paired bootstrap (Koehn 2004).

    translations (list[str]): Translations by one system.
    others (list[str]): Translations of the same by another one.
    references (list[list[str]]): The references of each; those without any are left out.
    RETURNS (dict[str, dict[str, float]]): For "bleu", "chrf" and "ter" the "score" of the one,
        that of the "other", and "p": how probable so large a difference is by chance, in 1,000
        samples.
    """
    from sacrebleu.metrics import BLEU, CHRF, TER
    from sacrebleu.significance import PairedTest

    rows = [row for row in zip(translations, others, references, strict=True) if row[2]]
    translations, others = [row[0] for row in rows], [row[1] for row in rows]
    columns = _columns([row[2] for row in rows])
    test = PairedTest(
        [("others", others), ("translations", translations)],
        {"bleu": BLEU(), "chrf": CHRF(), "ter": TER()},
        cast(list[list[str]], columns),
        test_type="bs",
        n_samples=1000,
    )
    results = cast(dict[str, Any], test()[1])
    return {
        name: {
            "score": results[label][1].score,
            "other": results[label][0].score,
            # Of no difference at all the bootstrap would say that it is no chance.
            "p": results[label][1].p_value if translations != others else 1.0,
        }
        for name, label in (("bleu", "BLEU"), ("chrf", "chrF2"), ("ter", "TER"))
    }


def _columns(references: list[list[str]]) -> list[list[str | None]]:
    """Turn references as sacreBLEU takes them: a list for each, None where one has fewer."""
    most = max(len(each) for each in references)
    return [
        [each[index] if index < len(each) else None for each in references]
        for index in range(most)
    ]
