"""Scores of translations, by sacreBLEU on detokenised text."""

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, cast

from spacy.training import Example

from ..checks import check_choice
from ..progress import show, track
from .common import drop_empty, references_of
from .registry import TRANSLATION_METRICS, Tokenization

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric as SacreBLEUMetric


DEFAULT = Tokenization()
# Scripts that are written without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, kana
# and Chinese characters.
UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
# Of segmented text in these scripts a fifth and more is white space.
LEAST_SPACES = 1 / 10


def create_translation_scorer_v1(
    tokenize: str | None = None, trg_lang: str | None = None
) -> "TranslationScorer":
    """Create a scorer of translations: BLEU, chrF, chrF++ and TER, by sacreBLEU.

    tokenize (str | None): The tokenizer by which BLEU finds words, one of sacreBLEU's: "13a",
        "intl", "char", "zh", "ja-mecab", "ko-mecab", "flores200" and so on. None for that of the
        language, "13a" for most, which needs text with spaces between words.
    trg_lang (str | None): The code of the language of translations. "zh", "ja" and "ko" choose
        the tokenizer of that name where none is chosen; for "zh" and "ja" TER splits characters.
    RETURNS (TranslationScorer): The scorer.
    RAISES (ValueError): If there is no such tokenizer.
    """
    if tokenize is not None:
        from sacrebleu.metrics import BLEU

        check_choice("tokenize", tokenize, tuple(BLEU.TOKENIZERS))
    return TranslationScorer(Tokenization(tokenize, trg_lang))


@dataclass(frozen=True)
class TranslationScorer:
    """Score predicted translations against references.

    tokenization (Tokenization): How metrics of words find them.
    """

    tokenization: Tokenization = DEFAULT

    def __call__(
        self, examples: Iterable[Example], *, attr: str = "translation", **kwargs: Any
    ) -> dict[str, Any]:
        """Score predicted translations. Examples without a reference do not count.

        examples (Iterable[Example]): Examples with predictions.
        attr (str): The custom attribute that holds translations: of predicted documents a
            string, of reference documents a string or a list of several.
        RETURNS (dict[str, Any]): What `score_translations` returns.
        """
        pairs = [
            (example.predicted._.get(attr) or "", references_of(example, attr))
            for example in examples
        ]
        return score_translations(
            [(text, references) for text, references in pairs if references], self.tokenization
        )


def tokenization_of(scorer: object) -> Tokenization:
    """Return the tokenization of a scorer, so that all else counts the same words.

    scorer (object): The scorer of a translator.
    RETURNS (Tokenization): Its own, or the default one for scorers that have none.
    """
    return scorer.tokenization if isinstance(scorer, TranslationScorer) else DEFAULT


def score_translations(
    pairs: list[tuple[str, list[str]]], tokenization: Tokenization = DEFAULT
) -> dict[str, Any]:
    """Compute all metrics of translations for a corpus.

    pairs (list[tuple[str, list[str]]]): Translations, each with its references, of which empty
        ones do not count where there is another one.
    tokenization (Tokenization): How metrics of words find them.
    RETURNS (dict[str, Any]): The score by each of `TRANSLATION_METRICS`, from 0 to 100 (TER may
        exceed 100), such as "bleu"; and its signature, such as "bleu_signature", by which others
        can compute the same (Post 2018). Empty if there are no pairs.
    """
    if not pairs:
        return {}
    translations = [translation for translation, _ in pairs]
    references = [drop_empty(texts) for _, texts in pairs]
    columns = _columns(references)
    _warn_unsegmented(list(chain(*references)), tokenization)
    scores: dict[str, Any] = {}
    metrics = _create_metrics(tokenization)
    for key, metric in track(metrics.items(), "Scoring translations", len(metrics), "metrics"):
        scores[key] = metric.corpus_score(translations, cast(list[list[str]], columns)).score
        scores[f"{key}_signature"] = str(metric.get_signature())
    return scores


def compare_translations(
    translations: list[str],
    others: list[str],
    references: list[list[str]],
    tokenization: Tokenization = DEFAULT,
) -> dict[str, dict[str, float]]:
    """Compare two systems on a corpus by paired bootstrap resampling (Koehn 2004).

    translations (list[str]): Translations by one system.
    others (list[str]): Translations of the same sources by another system.
    references (list[list[str]]): The references of each, as in `score_translations`; sources
        without any are left out.
    tokenization (Tokenization): How metrics of words find them.
    RETURNS (dict[str, dict[str, float]]): For each of `TRANSLATION_METRICS` the "score" of the
        first system, that of the "other", and "p": the probability of so large a difference by
        chance, from 1,000 samples. It is 1 where each pair of translations has the same counts.
    """
    from sacrebleu.significance import PairedTest

    present = map(drop_empty, references)
    rows = [row for row in zip(translations, others, present, strict=True) if row[2]]
    if not rows:
        raise ValueError("No translation has a reference, so that there is nothing to compare")
    translations, others = [row[0] for row in rows], [row[1] for row in rows]
    columns = _columns([row[2] for row in rows])
    metrics = _create_metrics(tokenization)
    test = PairedTest(
        [("others", others), ("translations", translations)],
        metrics,
        cast(list[list[str]], columns),
        test_type="bs",
        n_samples=1000,
    )
    with show("Comparing translations by bootstrap resampling"):
        results = cast(dict[str, Any], test()[1])
    # The test calls metrics by names of its own, "chrF2" for "chrf", in the same order.
    names = {metric: name for name, metric in test.metrics.items()}
    comparison = {}
    for key, metric in metrics.items():
        baseline, system = results[names[metric]]
        comparison[key] = {
            "score": system.score,
            "other": baseline.score,
            # The bootstrap would find the lack of a difference significant.
            "p": 1.0 if _counts_alike(metric, rows) else system.p_value,
        }
    return comparison


def _counts_alike(metric: "SacreBLEUMetric", rows: list[tuple[str, str, list[str]]]) -> bool:
    """Whether a metric counts the same in both translations of each source."""

    def count(text: str, references: list[str]) -> Any:
        return metric._extract_corpus_statistics([text], [[each] for each in references])

    return all(
        text == other or count(text, references) == count(other, references)
        for text, other, references in rows
    )


def _create_metrics(tokenization: Tokenization) -> "dict[str, SacreBLEUMetric]":
    return {
        key: metric.create(tokenization)
        for key, metric in TRANSLATION_METRICS.items()
        if metric.create
    }


def _warn_unsegmented(references: list[str], tokenization: Tokenization) -> None:
    """Warn where no tokenizer was chosen for text that has no spaces between words."""
    text = " ".join(references)
    unspaced = len(UNSPACED.findall(text))
    if tokenization.segmenter or 2 * unspaced <= len(text):
        return
    spaces = sum(map(str.isspace, text)) - len(references)
    if spaces < LEAST_SPACES * len(text):
        warnings.warn(
            "References have hardly any spaces, so that BLEU, TER and word perplexity count whole "
            "sentences as words. Choose a tokenizer in [components.NAME.scorer] of the config: "
            'trg_lang = "zh", "ja" or "ko", tokenize = "char", or another one of sacreBLEU\'s',
            stacklevel=3,
        )


def _columns(references: list[list[str]]) -> list[list[str | None]]:
    """Transpose references to sacreBLEU's layout, with None where a source has fewer."""
    return [list(column) for column in zip_longest(*references)]
