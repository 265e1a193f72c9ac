"""The table of metrics, and all that read it."""

import pytest
import spacy
from spacy.util import load_config

from spacy_rnn.metrics.registry import (
    METRICS,
    TRANSLATION_METRICS,
    find_metric,
    format_score,
    title_of,
)
from spacy_rnn.metrics.translation import compare_translations, score_translations


@pytest.mark.parametrize(
    ("score", "key"),
    [
        ("bleu", "bleu"),
        ("to_english_ter", "ter"),
        ("rnn_lm_word_perplexity", "word_perplexity"),
        ("my_perplexity", "perplexity"),
        ("rnn_lm_inverse_perplexity", "inverse_perplexity"),
        ("BLEU", "bleu"),
        ("character", None),
        ("tag_acc", None),
        ("bleu_signature", None),
    ],
)
def test_scores_have_the_metric_that_their_names_end_with(score, key):
    metric = find_metric(score)
    assert (metric and metric.key) == key


@pytest.mark.parametrize(
    ("score", "title"),
    [
        ("bleu", "BLEU"),
        ("chrf", "chrF"),
        ("rnn_translator_chrf", "rnn_translator chrF"),
        ("token_perplexity", "Token perplexity"),
        ("tag_acc", "Tag acc"),
        ("CITY", "CITY"),
    ],
)
def test_scores_have_titles(score, title):
    assert title_of(score) == title


@pytest.mark.parametrize(
    ("score", "value", "text"),
    [
        ("ents_f", 0.97312, "97.31"),
        ("rnn_lm_inverse_perplexity", 0.0123, "1.23"),
        ("rnn_translator_bleu", 0.5, "0.50"),
        ("rnn_lm_word_perplexity", 12345.6, "12,346"),
        ("rnn_lm_word_perplexity", 1.5e110, "1.50e+110"),
        ("speed", 896.2, "896"),
        ("tag_acc", None, "-"),
    ],
)
def test_scores_are_shown_as_their_metric_says(score, value, text):
    assert format_score(score, value) == text


def test_scorer_and_bootstrap_have_each_metric_of_translations():
    scores = score_translations([("a b c d e", ["a b c d f"])])
    assert scores.keys() == {
        name for key in TRANSLATION_METRICS for name in (key, f"{key}_signature")
    }
    comparison = compare_translations(["a b c d"], ["a b x d"], [["a b c d"]])
    assert comparison.keys() == TRANSLATION_METRICS.keys()
    for key, row in comparison.items():
        assert row["score"] != row["other"]
        assert (row["score"] > row["other"]) == METRICS[key].higher_is_better


def test_default_weights_have_each_metric():
    nlp = spacy.blank("en")
    weights = {
        name: nlp.get_factory_meta(name).default_score_weights
        for name in ("rnn_translator", "rnn_lm")
    }
    assert weights["rnn_translator"]["rnn_translator_bleu"] == 0.9
    assert weights["rnn_translator"]["rnn_translator_chrf"] == 0.1
    for key in TRANSLATION_METRICS:
        assert f"rnn_translator_{key}" in weights["rnn_translator"]
        assert weights["rnn_translator"][f"rnn_translator_{key}_signature"] is None
    assert weights["rnn_lm"] == {
        "rnn_lm_inverse_perplexity": 1.0,
        "rnn_lm_word_perplexity": None,
        "rnn_lm_token_perplexity": None,
        "rnn_lm_bits_per_char": None,
    }


@pytest.mark.parametrize("config", ["default", "phrasebook", "translator"])
def test_the_best_translator_of_short_texts_has_a_score(config, root):
    """BLEU is 0 below four words, whatever was learned."""
    if config == "default":
        nlp = spacy.blank("en")
        weights = nlp.get_factory_meta("rnn_translator").default_score_weights
    else:
        training = load_config(root / "configs" / f"{config}.cfg")["training"]
        weights = training["score_weights"]
    worse, better = (
        score_translations([(text, ["guten Tag"]), ("ja", ["ja"])])
        for text in ("guten Abend", "guten Tag")
    )
    assert worse["bleu"] == better["bleu"] == 0
    totals = [
        sum(weights[f"rnn_translator_{key}"] * scores[key] for key in ("bleu", "chrf"))
        for scores in (worse, better)
    ]
    assert 0 < totals[0] < totals[1]
