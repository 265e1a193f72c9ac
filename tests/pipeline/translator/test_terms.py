"""Terms: words that a translation has to have, or must not."""

import re

import pytest
import spacy
from spacy.tokens import Span
from toy_translator import TEXTS

from spacy_rnn.generation.search import GreedySearch, SamplingSearch
from spacy_rnn.pipeline.translator.terms import parse_forms


def mark(nlp, text, *terms, key="terms"):
    """Mark words of a text by what stands for them."""
    doc = nlp.make_doc(text)
    doc.spans[key] = [
        Span(doc, place, place + len(words.split()), label="TERM", span_id=written)
        for words, written in terms
        for place in [[token.text for token in doc].index(words.split()[0])]
    ]
    return doc


def count(text, phrase):
    """Count a phrase between the bounds of words. Marks have none."""
    after = r"(?!\w)" if phrase[-1].isalnum() else ""
    return len(re.findall(rf"(?<!\w){re.escape(phrase)}{after}", text))


def translate(nlp, doc, **settings):
    return next(nlp.pipe([doc], component_cfg={"rnn_translator": settings}))._.translation


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("word", ["five", "xylophone", "two one", "Ufer/Strand", "ß 🙂 {x}"])
def test_a_term_is_there_once(nlp, text, word):
    if word == "five" and "fünf" in text:
        word = "six"
    translation = translate(nlp, mark(nlp, text, (text.split()[-1], word)))
    assert count(translation, word) == 1


def test_forms_are_alternatives(nlp):
    doc = mark(nlp, "eins zwei drei", ("zwei", "xyz|two|four"))
    assert translate(nlp, doc) == "three two one"


def test_banned_words_are_not_there(nlp):
    for banned in ("two", "three", "one"):
        doc = mark(nlp, "eins zwei drei", ("zwei", f"!{banned}"))
        translation = translate(nlp, doc)
        assert count(translation, banned) == 0
    assert count(translate(nlp, mark(nlp, "eins zwei drei", ("zwei", "four|!two"))), "four") == 1


def test_as_often_as_asked(nlp):
    doc = mark(nlp, "fünf fünf eins zwei", ("eins", "four"), ("zwei", "four"))
    assert count(translate(nlp, doc), "four") == 2


@pytest.mark.parametrize(
    ("text", "forms", "banned"),
    [
        ("Ufer", ["Ufer"], []),
        (" Ufer | Ufers|Ufer", ["Ufer", "Ufers"], []),
        ("!Bank|Ufer|!  Bänke", ["Ufer"], ["Bank", "Bänke"]),
        (r"a\|b|\!c|d\\e", ["a|b", "!c", r"d\e"], []),
        (r"C:\dir|x\n", [r"C:\dir", r"x\n"], []),
        ("rotes\n  Haus", ["rotes Haus"], []),
    ],
)
def test_forms_are_read(text, forms, banned):
    assert parse_forms(text) == (tuple(forms), tuple(banned))


@pytest.mark.parametrize(
    ("text", "message"), [("", "set it to"), ("|", "set it to"), ("a|!a", "leave one of the two")]
)
def test_forms_that_say_nothing(nlp, text, message):
    with pytest.raises(ValueError, match=message):
        translate(nlp, mark(nlp, "eins zwei drei", ("zwei", text)))


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (
            [("eins", "four"), ("zwei", "!four")],
            '"four" is to be written or kept, but another term',
        ),
        ([("eins", "a\u2581b")], "change its characters"),
    ],
)
def test_terms_that_cannot_be_written(nlp, terms, message):
    with pytest.raises(ValueError, match=message):
        translate(nlp, mark(nlp, "eins zwei drei", *terms))


def test_pieces_that_are_banned(nlp, monkeypatch):
    translator = nlp.get_pipe("rnn_translator")
    (piece, *_), _ = translator.target_subwords.spell("four")
    monkeypatch.setattr(translator, "banned_pieces", translator.target_subwords.to_pieces([piece]))
    with pytest.raises(ValueError, match='"four" cannot be written'):
        translate(nlp, mark(nlp, "eins zwei drei", ("zwei", "four")))


def test_entities_of_rulers_are_terms(nlp):
    for factory, config in (("entity_ruler", {}), ("span_ruler", {"spans_key": "terms"})):
        ruler = nlp.add_pipe(factory, before="rnn_translator", config=config)
        try:
            ruler.add_patterns([{"label": "TERM", "pattern": "zwei", "id": "four"}])
            assert count(nlp("eins zwei drei")._.translation, "four") == 1
        finally:
            nlp.remove_pipe(factory)


def test_other_keys(nlp, monkeypatch):
    translator = nlp.get_pipe("rnn_translator")
    monkeypatch.setattr(translator, "terms", translator.terms._replace(spans_key="glossary"))
    doc = mark(nlp, "eins zwei drei", ("zwei", "four"), key="glossary")
    assert count(translate(nlp, doc), "four") == 1
    assert translate(nlp, mark(nlp, "eins zwei drei", ("zwei", "four"))) == "three two one"


@pytest.mark.parametrize(
    "settings", [{"n_best": 3}, {"beam_width": 1}, {"search": GreedySearch()}]
)
def test_searches(nlp, settings):
    doc = mark(nlp, "eins zwei drei", ("zwei", "four"))
    translate(nlp, doc, **settings)
    assert all(count(each["text"], "four") == 1 for each in doc._.translations)


def test_sampling_refuses_terms(nlp):
    with pytest.raises(ValueError, match="beam search"):
        translate(nlp, mark(nlp, "eins zwei", ("zwei", "four")), search=SamplingSearch())


@pytest.mark.parametrize(("text", "start"), [("\n eins zwei", 0), ("- eins zwei", 0)])
def test_a_term_may_begin_before_its_passage(nlp, text, start):
    doc = nlp.make_doc(text)
    doc.spans["terms"] = [Span(doc, start, len(doc), span_id="four five")]
    assert count(translate(nlp, doc), "four five") == 1


def test_a_term_without_words_is_refused(nlp):
    doc = nlp.make_doc("eins zwei")
    doc.spans["terms"] = [Span(doc, 1, 1, span_id="four")]
    with pytest.raises(ValueError, match="has no words"):
        translate(nlp, doc)


def test_prefixes(nlp):
    doc = mark(nlp, "eins zwei drei", ("zwei", "four"))
    doc._.translation_prefix = "one one"
    translation = translate(nlp, doc)
    assert translation.startswith("one one")
    assert count(translation, "four") == 1


def test_a_prefix_that_breaks_terms_wins_and_a_warning_says_so(nlp, caplog):
    doc = mark(nlp, "eins zwei drei", ("zwei", "four|!one"))
    doc._.translation_prefix = "one two"
    assert translate(nlp, doc).startswith("one two")
    assert "'eins zwei drei' does not have its terms" in caplog.text


def test_a_term_longer_than_any_translation(nlp):
    long = " ".join(["seven", "of"] * 40)
    assert count(
        translate(nlp, mark(nlp, "vier", ("vier", long)), max_ratio=1.0, max_extra=1), long
    )


def test_terms_reach_across_sentences(nlp):
    doc = nlp.make_doc("eins. zwei\ndrei. vier")
    doc.spans["terms"] = [Span(doc, 1, 5, span_id="four five")]
    assert count(translate(nlp, doc), "four five") == 1
    assert len(doc._.translations) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_mates_change_nothing(nlp, threads):
    """Each document alone and among others, with terms and without."""

    def make():
        plain = [nlp.make_doc(text) for text in TEXTS]
        return plain + [mark(nlp, text, (text.split()[0], "six")) for text in TEXTS]

    def describe(docs):
        settings = {"rnn_translator": {"threads": threads, "n_best": 2}}
        return [
            [(each["text"], pytest.approx(each["score"], abs=1e-4)) for each in doc._.translations]
            for doc in nlp.pipe(docs, component_cfg=settings)
        ]

    together = describe(make())
    assert [found for doc in make() for found in describe([doc])] == together
    assert describe(make()[:4]) == together[:4]
    assert describe(make()[::-1]) == together[::-1]


def test_alignments_and_projections(nlp):
    doc = mark(nlp, "eins zwei drei", ("zwei", "xylophone"))
    translate(nlp, doc)
    (translation,) = doc._.translations
    text = translation["text"]
    spelled = "".join(text[each["start"] : each["end"]] for each in translation["alignment"])
    assert spelled == text
    assert len(translation["pieces"]) + 1 == len(translation["piece_scores"])
    assert doc._.translation_doc.text == text


def test_a_failing_document_costs_no_other(nlp):
    docs = [mark(nlp, "vier", ("vier", "")), nlp.make_doc("eins zwei drei")]
    pipe = nlp.get_pipe("rnn_translator")
    failed = []
    pipe.set_error_handler(lambda name, proc, docs, error: failed.extend(docs))
    try:
        found = [doc._.translation for doc in pipe.pipe(docs)]
    finally:
        pipe.set_error_handler(spacy.util.raise_error)
    assert found == ["three two one"]
    assert [doc.text for doc in failed] == ["vier"]
