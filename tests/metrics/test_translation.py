"""Scores of translations, against known ones."""

import math

import pytest
import sacrebleu
import srsly

from spacy_rnn.metrics.common import perplexity
from spacy_rnn.metrics.translation import compare_translations, score_translations

# The example of sacreBLEU's own documentation, whose score is known: two references.
SYSTEM = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
REFERENCES = [
    ["The dog bit the man.", "It was not unexpected.", "The man bit him first."],
    ["The dog had bit the man.", "No one was surprised.", "The man had bitten the dog."],
]
PAIRS = [(text, [first, second]) for text, first, second in zip(SYSTEM, *REFERENCES, strict=True)]


def test_bleu_is_the_known_score():
    scores = score_translations(PAIRS)
    assert scores["bleu"] == pytest.approx(48.530827, abs=1e-5)
    assert scores["bleu_signature"].startswith("nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|")
    assert scores["chrf"] == pytest.approx(sacrebleu.corpus_chrf(SYSTEM, REFERENCES).score)
    chrfpp = sacrebleu.corpus_chrf(SYSTEM, REFERENCES, word_order=2).score
    assert scores["chrfpp"] == pytest.approx(chrfpp) != scores["chrf"]
    assert scores["ter"] == pytest.approx(sacrebleu.corpus_ter(SYSTEM, REFERENCES).score)


def test_sentences_may_have_different_numbers_of_references():
    pairs = [(text, references[: 1 + index % 2]) for index, (text, references) in enumerate(PAIRS)]
    scores = score_translations(pairs)
    assert 0 < scores["bleu"] < 48.6
    assert "nrefs:var" in scores["bleu_signature"]


def test_nothing_has_no_scores():
    assert score_translations([]) == {}


def test_scores_can_be_stored():
    assert srsly.json_loads(srsly.json_dumps(score_translations([("", ["a b"])])))["bleu"] == 0


def test_perplexity_in_closed_form():
    assert perplexity(12 * math.log(50), 12) == pytest.approx(50)
    assert perplexity(0.0, 5) == perplexity(0.0, 0) == 1.0
    assert math.isfinite(perplexity(1e9, 1))


def test_comparison_tells_better_from_equal():
    better, references = SYSTEM * 20, [references for _, references in PAIRS] * 20
    worse = ["A cat.", "Nothing at all.", "Who knows?"] * 20
    different = compare_translations(better, worse, references)
    assert different["bleu"]["score"] > different["bleu"]["other"]
    assert different["bleu"]["p"] < 0.01
    more = compare_translations([*better, "x"], [*worse, "y"], [*references, []])
    assert more == different, "what has no reference does not count"
    same = compare_translations(better, better, references)
    assert same["bleu"]["score"] == same["bleu"]["other"]
    assert same["bleu"]["p"] > 0.5
