"""One table of metrics: what each is called, which direction is better, how it is shown.

A metric is added by one entry of `METRICS`. Scorers, the paired bootstrap, the console logger,
`spacy rnn evaluate`, reports, learning curves and the default score weights of components all
read the table.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU
    from sacrebleu.metrics.base import Metric as SacreBLEUMetric


SEGMENTERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""dict[str, str]: By language the tokenizer that sacreBLEU has for it. Others have "13a"."""


@dataclass(frozen=True)
class Tokenization:
    """How metrics of words find the words of translations and references.

    tokenize (str | None): The name of one of sacreBLEU's tokenizers for BLEU. None for that of
        the language.
    trg_lang (str | None): The code of the language of translations, such as "zh".
    """

    tokenize: str | None = None
    trg_lang: str | None = None

    @property
    def language(self) -> str:
        """str: The language without a region, empty where it is not known."""
        return re.split("[-_]", self.trg_lang or "")[0].lower()

    @property
    def segmenter(self) -> str | None:
        """str | None: The tokenizer that was chosen, itself or by a language; None for "13a"."""
        return self.tokenize or SEGMENTERS.get(self.language)

    def count_words(self, text: str) -> int:
        """Count the words of a text.

        text (str): The text.
        RETURNS (int): The tokens of the chosen tokenizer; without one, what white space
            separates.
        """
        if self.segmenter is None:
            return len(text.split())
        return len(_load_tokenizer(self)(text).split())


@dataclass(frozen=True)
class Metric:
    """A kind of score.

    key (str): What the names of its scores end with, after the name of the component:
        "rnn_translator_bleu" is a score of the metric "bleu".
    label (str): What it is called in tables and charts.
    meaning (str): What it measures, in a sentence.
    higher_is_better (bool | None): The direction, None where there is none.
    is_share (bool): Whether scores are shares from 0 to 1, to be shown as percentages.
    digits (int): The decimals to show, of numbers below 1,000.
    create (Callable[[Tokenization], SacreBLEUMetric] | None): For metrics of translations,
        creates sacreBLEU's implementation.
    """

    key: str
    label: str
    meaning: str
    higher_is_better: bool | None = None
    is_share: bool = False
    digits: int = 2
    create: "Callable[[Tokenization], SacreBLEUMetric] | None" = None

    @property
    def better(self) -> str:
        """str: The direction in a word, empty where there is none."""
        return {True: "higher", False: "lower", None: ""}[self.higher_is_better]


@lru_cache
def _load_tokenizer(tokenization: Tokenization) -> Callable[[str], str]:
    return _create_bleu(tokenization).tokenizer


def _create_bleu(tokenization: Tokenization) -> "BLEU":
    from sacrebleu.metrics import BLEU

    try:
        return BLEU(tokenize=tokenization.segmenter, trg_lang=tokenization.language)
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f'The tokenizer "{tokenization.segmenter}" of BLEU cannot be loaded: {reason}. '
            f"Install what it needs, or choose another one by tokenize of "
            f"spacy-rnn.translation_scorer.v1"
        ) from error


def _create_chrf(tokenization: Tokenization, word_order: int = 0) -> "SacreBLEUMetric":
    from sacrebleu.metrics import CHRF

    return CHRF(word_order=word_order)


def _create_ter(tokenization: Tokenization) -> "SacreBLEUMetric":
    from sacrebleu.metrics import TER

    # Splits Chinese characters, kana and full-width punctuation, which takes normalization too.
    is_asian = tokenization.language in ("zh", "ja") or tokenization.segmenter in (
        "zh",
        "ja-mecab",
    )
    return TER(normalized=is_asian, asian_support=is_asian)


METRICS = {
    metric.key: metric
    for metric in (
        Metric(
            "bleu",
            "BLEU",
            "The precision of n-grams of up to four words, and the length (Papineni et al. 2002).",
            higher_is_better=True,
            create=_create_bleu,
        ),
        Metric(
            "chrf",
            "chrF",
            "The F-score of n-grams of up to six characters (Popović 2015).",
            higher_is_better=True,
            create=_create_chrf,
        ),
        # The key has letters alone, as those of other scores, so that it can be typed in configs,
        # overrides and formulas as it is.
        Metric(
            "chrfpp",
            "chrF++",
            "chrF with n-grams of up to two words as well (Popović 2017).",
            higher_is_better=True,
            create=partial(_create_chrf, word_order=2),
        ),
        Metric(
            "ter",
            "TER",
            "The edits from translation to reference, per word of the reference (Snover et al. "
            "2006).",
            higher_is_better=False,
            create=_create_ter,
        ),
        Metric(
            "aer",
            "AER",
            "The error rate of an alignment, given sure and possible links (Och and Ney 2003).",
            higher_is_better=False,
            is_share=True,
        ),
        Metric(
            "perplexity",
            "perplexity",
            "The perplexity of the texts or references.",
            higher_is_better=False,
        ),
        Metric(
            "token_perplexity",
            "token perplexity",
            "The perplexity per piece of the vocabulary: a subword, word or character. Compare "
            "models with one vocabulary by it.",
            higher_is_better=False,
        ),
        Metric(
            "word_perplexity",
            "word perplexity",
            "The perplexity per word, whatever the pieces. Compare models with different "
            "vocabularies by it.",
            higher_is_better=False,
        ),
        Metric(
            "inverse_perplexity",
            "inverse perplexity",
            "One over the perplexity per word: the geometric mean of a word's probability.",
            higher_is_better=True,
            is_share=True,
        ),
        Metric(
            "bits_per_char",
            "bits per character",
            "The surprisal per character in bits.",
            higher_is_better=False,
        ),
        Metric(
            "speed",
            "words per second",
            "The words predicted per second.",
            higher_is_better=True,
            digits=0,
        ),
        Metric(
            "sentences_per_second",
            "sentences per second",
            "The sentences translated per second.",
            higher_is_better=True,
            digits=0,
        ),
        Metric(
            "tokens_per_second",
            "tokens per second",
            "The tokens predicted per second.",
            higher_is_better=True,
            digits=0,
        ),
    )
}
"""dict[str, Metric]: All metrics by key. Other scores, such as spaCy's own, are shares."""

TRANSLATION_METRICS = {key: metric for key, metric in METRICS.items() if metric.create}
"""dict[str, Metric]: Those that compare translations with references."""


def find_metric(score: str) -> Metric | None:
    """Return the metric of a score by its name.

    score (str): The name, with or without that of a component: "ter", "rnn_translator_ter".
    RETURNS (Metric | None): The metric with the longest key that the name ends with; None where
        there is none.
    """
    name = f"_{score.lower()}"
    keys = [key for key in METRICS if name.endswith(f"_{key}")]
    return METRICS[max(keys, key=len)] if keys else None


def title_of(score: str) -> str:
    """Return the name of a score as people write it.

    score (str): The name, such as "translator_ter".
    RETURNS (str): For example "translator TER", with the name of the component as it is.
    """
    metric = find_metric(score)
    component = score[: -len(metric.key)].rstrip("_") if metric else ""
    title = metric.label if metric else score.replace("_", " ")
    if component:
        return f"{component} {title}"
    # "chrF" keeps its small letter.
    return title[:1].upper() + title[1:] if title.split(" ")[0].islower() else title


def titles_of(scores: Iterable[str]) -> dict[str, str]:
    """Return the names of scores as people write them, without what says nothing.

    scores (Iterable[str]): The names.
    RETURNS (dict[str, str]): Titles by name: without the component where all are of one.
    """
    scores = list(scores)
    prefixes = {
        score.lower().removesuffix(metric.key)
        for score in scores
        if (metric := find_metric(score))
    } - {""}
    prefix = prefixes.pop() if len(prefixes) == 1 else ""
    titles = {score: title_of(score.removeprefix(prefix)) for score in scores}
    if len(set(titles.values())) < len(titles):
        return {score: title_of(score) for score in scores}
    return titles


def format_score(score: str, value: float | None) -> str:
    """Format a score as tables show it.

    score (str): Its name. Without a metric it is one of spaCy's, which are shares.
    value (float | None): The score.
    RETURNS (str): A share as a percentage, a huge number with an exponent; a dash for none.
    """
    if value is None:
        return "-"
    metric = find_metric(score)
    if metric.is_share if metric else 0 <= value <= 1:
        value *= 100
    if abs(value) >= 1e9:  # The perplexity of a text that a model knows nothing of.
        return f"{value:.2e}"
    digits = metric.digits if metric else 2
    return f"{value:,.{0 if abs(value) >= 1000 else digits}f}"


def score_weights(
    component: str, best: dict[str, float], keys: Iterable[str]
) -> dict[str, float | None]:
    """Return default weights of the scores of a component, as a factory declares them.

    component (str): The name of the component.
    best (dict[str, float]): The metrics by which the best model is chosen, with their weights.
    keys (Iterable[str]): The keys of all its metrics. Signatures of those of translations are
        stored in the meta of the pipeline as well.
    RETURNS (dict[str, float | None]): The weights; None for other scores, which hides them in the
        log of a training until a config gives them a weight.
    """
    keys = list(keys)
    weights = {f"{component}_{key}": best.get(key) for key in keys}
    signed = [key for key in keys if key in TRANSLATION_METRICS]
    return {**weights, **{f"{component}_{key}_signature": None for key in signed}}
