"""Text that stays as it is: found, kept once, and aligned."""

import re

import pytest
import spacy
from spacy.tokens import Span

from spacy_rnn.generation.state import Hypothesis
from spacy_rnn.pipeline.translator.keep import KINDS, KeepSettings, find_kept
from spacy_rnn.pipeline.translator.stand_ins import (
    StandIn,
    choose_stand_ins,
    restore,
    to_source,
    write_stand_ins,
)
from spacy_rnn.pipeline.translator.terms import Term
from spacy_rnn.text.subwords import train_subwords


@pytest.fixture(scope="module")
def subwords():
    """A vocabulary with numbers."""
    texts = ["one 7, two 21", "the 3 of 25 X", "name and 83 or 9"] * 5
    return train_subwords(texts, 300)


@pytest.fixture
def english():
    return spacy.blank("en")


def find(doc, *kinds, labels=()):
    return [term.forms[0] for term in find_kept(doc, KeepSettings(kinds, labels, "keep"), [])]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (
            "url",
            "See https://x.org/a?b=1, or www.spacy.io.",
            ["https://x.org/a?b=1", "www.spacy.io"],
        ),
        ("email", "Write to anna@example.com now.", ["anna@example.com"]),
        ("number", "Five of 1,000 or 3.5 or ten", ["1,000", "3.5"]),
        ("code", "Run `a b`, then ```x\ny```.", ["`a b`", "```x\ny```"]),
        ("tag", "a < b, <b>bold</b> &amp; <br/>", ["<b>", "</b>", "&amp;", "<br/>"]),
        ("placeholder", "Hi {name}, {} {{ x }} ${y}", ["{name}", "{}", "{{ x }}", "${y}"]),
        ("placeholder", "%s is %(size)d, %1$s, 100 % sure", ["%s", "%(size)d", "%1$s"]),
        ("placeholder", "100%sure {not closed", []),
        ("emoji", "Good 👍🏽👨‍👩‍👧 day 🇩🇪 ☀️", ["👍🏽👨‍👩‍👧", "🇩🇪", "☀️"]),
    ],
)
def test_kinds(english, kind, text, expected):
    assert find(english.make_doc(text), kind) == expected


def test_what_touches_is_one(english):
    doc = english.make_doc("<b>{name}</b> and %s%d")
    assert find(doc, *KINDS) == ["<b>{name}</b>", "%s%d"]


def test_entities_and_spans(english):
    doc = english.make_doc("Anna Braun lives in Berlin near a bank")
    doc.ents = [Span(doc, 0, 2, label="PERSON"), Span(doc, 4, 5, label="GPE")]
    doc.spans["keep"] = [doc[7:8]]
    assert find(doc, labels=["PERSON"]) == ["Anna Braun", "bank"]


def test_terms_win_where_they_overlap(english):
    doc = english.make_doc("Run `x`👍 or `y`")
    settings = KeepSettings(["code", "emoji"], [], "keep")
    thumb = next(token.i for token in doc if token.text == "👍")
    for forms, expected in ((("gut",), ["`x`", "`y`"]), ((), ["`x`👍", "`y`"])):
        terms = [Term(thumb, thumb + 1, forms, ("x",))]
        assert [each.forms[0] for each in find_kept(doc, settings, terms)] == expected


def test_a_span_without_text_is_nothing(english):
    doc = english.make_doc("a b")
    doc.spans["keep"] = [doc[1:1]]
    assert find(doc) == []


@pytest.mark.parametrize("text", ["{x}", "{x}\neins zwei", "eins {x}"])
def test_prefixes_come_first(nlp, text):
    doc = nlp.make_doc(text)
    doc._.translation_prefix = "seven 7:"
    settings = {"rnn_translator": {"keep": ["placeholder"]}}
    (doc,) = nlp.pipe([doc], component_cfg=settings)
    assert doc._.translation.startswith("seven 7:")
    assert doc._.translation.count("{x}") == 1


def test_unknown_kinds_are_refused(nlp):
    with pytest.raises(ValueError, match="urls"):
        list(nlp.pipe(["eins"], component_cfg={"rnn_translator": {"keep": ["urls"]}}))


KEPT = ["https://x.org/a?b=1", "anna@example.com", "`a b`", "{name}", "%s", "👍"]


@pytest.mark.parametrize("detail", ["text", "scores", "alignments"])
@pytest.mark.parametrize("kept", KEPT)
def test_the_very_text_is_there_once(nlp, kept, detail):
    settings = {"keep": [*KINDS], "detail": detail, "n_best": 2}
    for text in (f"eins {kept} drei", f"eins zwei ({kept})", f"{kept} eins. zwei {kept}"):
        (doc,) = nlp.pipe([text], component_cfg={"rnn_translator": settings})
        for translation in doc._.translations:
            assert translation["text"].count(kept) == text.count(kept)


def test_kept_texts_stay_apart(nlp):
    text = "eins {a} zwei {b} drei {c}"
    settings = {"rnn_translator": {"keep": ["placeholder"]}}
    (doc,) = nlp.pipe([text], component_cfg=settings)
    assert sorted(re.findall(r"\{.\}", doc._.translation)) == ["{a}", "{b}", "{c}"]


@pytest.mark.parametrize("text", ["{name}", " {name}\n", "https://x.org\n`x`"])
def test_nothing_else_is_copied(nlp, text):
    settings = {"rnn_translator": {"keep": [*KINDS]}}
    (doc,) = nlp.pipe([text], component_cfg=settings)
    assert doc._.translation == text


def test_spans_are_kept_as_terms(nlp):
    doc = nlp.make_doc("eins zwei drei")
    doc.spans["keep"] = [doc[1:2]]
    assert next(nlp.pipe([doc]))._.translation.count("zwei") == 1


def test_ranges_by_hand():
    """A text with stand-ins, character by character."""
    text = "See {name} at https://x.org now"
    stand_ins = [StandIn(4, 10, "{name}", "7"), StandIn(14, 27, "https://x.org", "21")]
    read = write_stand_ins(text, stand_ins)
    assert read == "See 7 at 21 now"
    # The first character of the text that each one stands for, and the one after the last.
    starts = [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 14, 27, 28, 29, 30]
    ends = [1, 2, 3, 4, 10, 11, 12, 13, 14, 27, 27, 28, 29, 30, 31]
    ranges = [(a, b) for a in range(len(read)) for b in range(a + 1, len(read) + 1)]
    assert to_source(ranges, stand_ins) == [(starts[a], ends[b - 1]) for a, b in ranges]


def test_stand_ins_are_none_of_the_words_there(subwords):
    text, ranges = "{a} {b}", [(0, 3), (4, 7)]
    first, second = (each.word for each in choose_stand_ins(text, ranges, "", subwords, subwords))
    assert first != second
    others = choose_stand_ins(text, ranges, f"{first}, {second}", subwords, subwords)
    assert {first, second}.isdisjoint(each.word for each in others)


def test_pieces_are_restored(subwords):
    (pieces,) = subwords.encode(["one 7, two"])
    count = len(pieces)
    hypothesis = Hypothesis(
        pieces,
        -1.0,
        [-float(index) for index in range(count + 1)],
        [[index] for index in range(count)],
        [[1.0]] * count,
    )
    found = restore(hypothesis, [StandIn(0, 6, "{name}", "7")], subwords)
    assert subwords.decode([found.pieces]) == ["one {name}, two"]
    assert sum(found.piece_scores) == sum(hypothesis.piece_scores)
    assert len(found.source_positions) == len(found.attention_weights) == len(found.pieces)
    assert restore(hypothesis, [StandIn(0, 6, "{name}", "8")], subwords) == hypothesis
