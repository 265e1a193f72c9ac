"""Translation of any texts, in any batches, by any search."""

import pytest
import spacy
from toy_translator import LONG, SMALL, TEXTS, make_pipeline, make_texts, translations

from spacy_rnn.generation.search import SamplingSearch
from spacy_rnn.pipeline.translator.predictor import Predictor


@pytest.mark.parametrize("batch_size", [1, 2, 100])
@pytest.mark.parametrize("max_batch_tokens", [1, 10, 1000])
def test_batches_change_nothing(nlp, batch_size, max_batch_tokens):
    translator = nlp.get_pipe("rnn_translator")
    texts = [*TEXTS, "", "  ", *(source for source, _ in make_texts())]
    expected = translations(nlp, texts)
    before = translator.max_batch_tokens
    translator.max_batch_tokens = max_batch_tokens
    try:
        assert translations(nlp, texts, batch_size=batch_size) == expected
        assert [nlp(text)._.translation for text in texts] == expected
    finally:
        translator.max_batch_tokens = before


@pytest.mark.parametrize(("batch_size", "read_ahead", "read"), [(2, 0, 2), (2, 5, 5), (9, 5, 9)])
def test_documents_are_read_ahead_and_come_in_order(nlp, batch_size, read_ahead, read):
    begun = []
    texts = [*TEXTS, *(source for source, _ in make_texts())]

    def source():
        for text in texts:
            begun.append(text)
            yield nlp.make_doc(text)

    stream = nlp.get_pipe("rnn_translator").pipe(
        source(), batch_size=batch_size, read_ahead=read_ahead
    )
    docs = [next(stream)]
    assert len(begun) == read
    docs += stream
    assert [doc.text for doc in docs] == texts
    assert [doc._.translation for doc in docs] == translations(nlp, texts)


@pytest.mark.parametrize("threads", [1, 2])
def test_one_bad_document_costs_the_others_nothing(nlp, monkeypatch, threads):
    translator = nlp.get_pipe("rnn_translator")
    monkeypatch.setattr(translator, "threads", threads)
    monkeypatch.setattr(translator, "max_batch_tokens", 5)
    translate = Predictor.translate_passages

    def fail(predictor, passages, prefixes, terms):
        if any(passage.text == "vier" for passage in passages):
            raise ValueError("bad")
        return translate(predictor, passages, prefixes, terms)

    monkeypatch.setattr(Predictor, "translate_passages", fail)
    expected = [text for text in TEXTS if text != "vier"]
    with pytest.raises(ValueError, match="bad"):
        list(nlp.pipe(TEXTS))
    failed = []
    nlp.set_error_handler(lambda name, pipe, docs, error: failed.extend(docs))
    try:
        assert [doc.text for doc in nlp.pipe(TEXTS)] == expected
    finally:
        nlp.set_error_handler(spacy.util.raise_error)
    assert [doc.text for doc in failed] == ["vier"]


def test_it_samples(trained):
    search = {"@misc": "spacy-rnn.sampling_search.v1", "n_best": 3, "seed": 1, "temperature": 0.5}
    nlp = make_pipeline({**SMALL, "search": search}).from_bytes(trained[0].to_bytes())
    found = [doc._.translations for doc in nlp.pipe(TEXTS)]
    assert translations(nlp, TEXTS[::-1]) == [each[0]["text"] for each in found][::-1]
    assert all(each[0]["score"] == max(row["score"] for row in each) for each in found)
    greedy = nlp.pipe(TEXTS, component_cfg={"rnn_translator": {"temperature": 0, "n_best": 1}})
    assert [doc._.translation for doc in greedy][:2] == ["three two one", "four"]


def test_a_call_may_have_another_search(nlp):
    samples = SamplingSearch(n_best=3, seed=1, temperature=0.5)
    nlp_of_samples = make_pipeline(SMALL)
    nlp_of_samples.get_pipe("rnn_translator").search = samples
    nlp_of_samples.from_bytes(nlp.to_bytes())
    expected = [doc._.translations for doc in nlp_of_samples.pipe(TEXTS)]
    settings = {"search": SamplingSearch(n_best=3, seed=1), "temperature": 0.5}
    before = translations(nlp)
    found = nlp.pipe(TEXTS, component_cfg={"rnn_translator": settings})
    assert [doc._.translations for doc in found] == expected
    assert translations(nlp) == before


def test_sentences_are_translated_one_by_one_and_space_between_is_kept(nlp):
    text = "eins zwei\n\n vier fünf  \ndrei\n"
    doc = nlp.make_doc(text)
    starts = {"eins", "vier", "drei"}
    for token in doc:
        token.is_sent_start = token.text in starts
    (doc,) = nlp.pipe([doc])
    assert doc._.translation == "two one\n\n five four  \nthree\n"


def test_texts_of_many_sentences_are_translated_whole(nlp):
    """Whatever finds the sentences; trained was on one in each source."""
    assert nlp.get_pipe("rnn_translator").cfg["max_sentences"] == 1
    expected = "\n".join(translations(nlp))
    assert nlp(LONG)._.translation == expected
    assert nlp(f"{LONG}\n" * 30)._.translation == f"{expected}\n" * 30
    assert nlp(LONG)._.translations[0]["untranslated"] == []
    doc = nlp.make_doc(LONG)
    for token in doc:
        token.is_sent_start = token.i == 0 or doc[token.i - 1].is_space
    assert next(nlp.pipe([doc]))._.translation == expected
    for each in nlp(LONG)._.translations[0]["alignment"]:
        for position in each["source"]:
            assert LONG[position["start"] : position["end"]].strip() in doc[position["token"]].text


@pytest.mark.parametrize("text", ["", " ", "\n", " \t\n "])
def test_nothing_translates_to_nothing(nlp, text):
    doc = nlp(text)
    assert doc._.translation == text
    assert len(doc._.translations) == 1


@pytest.mark.parametrize(
    "text", ["😀 漢字", "a\x00b\x07", "\u202eabc", "x" * 500, "eins " * 400, "ß\u0301\u200d"]
)
def test_strange_texts_are_translated(nlp, text):
    doc = nlp(text)
    assert isinstance(doc._.translation, str)
    assert translations(nlp, [TEXTS[0], text])[0] == "three two one"


def test_prefixes_are_kept(nlp):
    docs = [nlp.make_doc(text) for text in TEXTS]
    docs[0]._.translation_prefix = "five"
    found = translations(nlp, docs)
    assert found[0].startswith("five")
    assert found[1:] == translations(nlp)[1:]


def test_prefixes_begin_documents_not_sentences(nlp):
    doc = nlp.make_doc("eins zwei vier")
    doc[2].is_sent_start = True
    doc._.translation_prefix = "three"
    (doc,) = nlp.pipe([doc])
    assert doc._.translation.startswith("three")
    assert doc._.translation.endswith(" four")


@pytest.mark.parametrize(
    "settings",
    [{}, {"max_ratio": 0.0, "max_extra": 2}, {"no_repeat_ngram_size": 1}, {"beam_width": 1}],
    ids=str,
)
def test_prefixes_hold_whatever_other_rules_say(nlp, settings, monkeypatch):
    """They are never cut off, and what has to come counts as much as the network says."""
    translator = nlp.get_pipe("rnn_translator")
    prefix = "five five two"
    pieces = translator.target_subwords.encode([prefix])
    monkeypatch.setattr(
        translator, "banned_pieces", tuple(translator.target_subwords.to_pieces(pieces[0]))
    )
    doc = nlp.make_doc(TEXTS[0])
    doc._.translation_prefix = prefix
    (doc,) = nlp.pipe([doc], component_cfg={"rnn_translator": settings})
    (best,) = doc._.translations
    assert best["text"].startswith(prefix)
    assert best["score"] > -100


def test_banned_pieces_are_not_written(nlp):
    translator = nlp.get_pipe("rnn_translator")
    pieces = nlp(TEXTS[0])._.translations[0]["pieces"]
    translator.banned_pieces = (pieces[0],)
    try:
        assert pieces[0] not in nlp(TEXTS[0])._.translations[0]["pieces"]
        translator.banned_pieces = ("nowhere",)
        with pytest.raises(ValueError, match='no piece "nowhere"'):
            nlp(TEXTS[0])
    finally:
        translator.banned_pieces = ()


def test_translating_before_training_says_what_is_missing():
    with pytest.raises(ValueError, match=r"call nlp\.initialize first"):
        make_pipeline()("eins")
