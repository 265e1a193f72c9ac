"""Scores of translations, against known ones."""

import math

import pytest
import sacrebleu
import spacy
import srsly
from sacrebleu.metrics import BLEU, TER
from spacy.training import Example

from spacy_rnn.extensions import ensure_extension
from spacy_rnn.metrics.common import perplexity, references_of
from spacy_rnn.metrics.registry import SEGMENTERS, Tokenization
from spacy_rnn.metrics.translation import (
    compare_translations,
    create_translation_scorer_v1,
    score_translations,
    tokenization_of,
)

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


@pytest.mark.parametrize("references", [["", "x y z w"], ["x y z w", ""], [" ", "x y z w", ""]])
def test_empty_references_do_not_count_beside_others(references):
    rest = [("a b c d", ["a b c d"]), ("e f", ["e f g h"])]
    expected = score_translations([("x", ["x y z w"]), *rest])
    found = score_translations([("x", references), *rest])
    assert found == expected
    compared = [
        compare_translations(
            ["x", "a b c d", "e f"], ["x y", "a", "e"], [each, *(row[1] for row in rest)]
        )
        for each in (references, ["x y z w"])
    ]
    assert compared[0] == compared[1]
    assert score_translations([("x", [""])])["bleu"] == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ([], []),
        ([None], []),
        ("", [""]),
        (["", " "], [""]),
        (["", "a", None], ["a"]),
        (("a", "", "b"), ["a", "b"]),
    ],
)
def test_references_of_an_example_that_are_empty(value, expected):
    nlp = spacy.blank("en")
    example = Example(nlp.make_doc("x"), nlp.make_doc("x"))
    ensure_extension("translation")
    example.reference._.translation = value
    assert references_of(example, "translation") == expected


@pytest.mark.parametrize(
    ("change", "equal"),
    [
        (lambda text: f"{text} ", {"bleu", "chrf", "chrfpp", "ter"}),
        (str.swapcase, {"ter"}),
        (lambda text: text.replace(".", " ."), {"bleu", "chrf", "chrfpp"}),
    ],
)
def test_systems_that_count_alike_do_not_differ(change, equal):
    references = [references for _, references in PAIRS] * 10
    others = [change(text) for text in SYSTEM * 10]
    comparison = compare_translations(SYSTEM * 10, others, references)
    assert {key for key, row in comparison.items() if row["p"] == 1.0} == equal
    for key in equal:
        assert comparison[key]["score"] == comparison[key]["other"]


def test_systems_of_equal_scores_but_other_counts_are_resampled():
    """The one is better on the first text, the other on the second."""
    references = [["a b c d e"], ["f g h i j"]] * 10
    first = ["a b c d e", "f g h i x"] * 10
    second = ["a b c d x", "f g h i j"] * 10
    comparison = compare_translations(first, second, references)
    assert comparison["bleu"]["score"] == comparison["bleu"]["other"]
    assert comparison["bleu"]["p"] < 1.0


def test_a_comparison_without_references_is_refused():
    with pytest.raises(ValueError, match="No translation has a reference"):
        compare_translations(["a"], ["b"], [[]])


CHINESE = ("我今天想去北京大学看我的朋友。", "我今天想去北京大学看朋友。")


@pytest.mark.parametrize(
    "settings", [{"tokenize": "zh"}, {"trg_lang": "zh"}, {"trg_lang": "zh-CN"}]
)
def test_chinese_has_words_by_its_tokenizer(settings):
    translation, reference = CHINESE
    tokenization = create_translation_scorer_v1(**settings).tokenization
    scores = score_translations([(translation, [reference])], tokenization)
    assert scores["bleu"] == pytest.approx(72.4, abs=0.05)
    bleu = BLEU(tokenize="zh").corpus_score([translation], [[reference]])
    assert scores["bleu"] == bleu.score
    assert "tok:zh" in scores["bleu_signature"]
    ter = TER(normalized=True, asian_support=True).corpus_score([translation], [[reference]])
    assert scores["ter"] == ter.score < 100
    assert "asian:yes" in scores["ter_signature"]
    comparison = compare_translations([translation], [reference], [[reference]], tokenization)
    assert comparison["bleu"]["score"] == scores["bleu"]
    assert comparison["bleu"]["other"] == pytest.approx(100)


@pytest.mark.parametrize(
    "reference",
    [CHINESE[1], "今日は天気がいいから散歩しましょう。", "ฉันอยากไปกรุงเทพพรุ่งนี้ แต่ฝนตกหนักมากเลยครับ"],
)
def test_text_without_spaces_needs_a_tokenizer(reference, recwarn):
    with pytest.warns(UserWarning, match=r"hardly any spaces.*scorer.*trg_lang.*tokenize"):
        score_translations([(reference, [reference])])
    recwarn.clear()
    scores = score_translations([(reference, [reference])], Tokenization("char"))
    assert scores["bleu"] == pytest.approx(100)
    assert not recwarn


@pytest.mark.parametrize(
    "reference", ["我 今天 想 去 北京大学 。", "Donaudampfschifffahrt", "Hello, 北京!", ""]
)
def test_other_text_needs_none(reference, recwarn):
    score_translations([(reference, [reference])])
    assert not recwarn


def test_tokenizers_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match=r'tokenize is "chinese".*"zh"'):
        create_translation_scorer_v1(tokenize="chinese")


def test_tokenizers_that_lack_what_they_need_say_so(monkeypatch):
    tokenizer = pytest.importorskip("sacrebleu.tokenizers.tokenizer_ja_mecab")
    monkeypatch.setattr(tokenizer, "MeCab", None)
    with pytest.raises(ValueError, match=r'"ja-mecab".*pip install.*tokenize'):
        score_translations([("a", ["a"])], Tokenization(trg_lang="ja"))


def test_languages_have_the_tokenizers_of_sacrebleu():
    assert SEGMENTERS == BLEU._TOKENIZER_MAP


def test_words_are_those_of_the_tokenizer():
    assert Tokenization().count_words("Ja, das ist gut.") == 4
    assert Tokenization(trg_lang="de").count_words("Ja, das ist gut.") == 4
    assert Tokenization("13a").count_words("Ja, das ist gut.") == 6
    assert Tokenization(trg_lang="zh").count_words(CHINESE[1]) == len(CHINESE[1])


def test_other_scorers_have_the_default_tokenization():
    assert tokenization_of(create_translation_scorer_v1("zh")) == Tokenization("zh")
    assert tokenization_of(None) == tokenization_of(print) == Tokenization()
