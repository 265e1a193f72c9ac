"""A corpus is recognized by its documents, however many there are."""

import pytest
import spacy

from spacy_rnn.training import fingerprint
from spacy_rnn.training.fingerprint import Fingerprint, describe_difference

NLP = spacy.blank("en")


def read(texts):
    corpus = Fingerprint()
    for text in texts:
        corpus.add(NLP.make_doc(text))
    return corpus.to_dict()


TEXTS = [f"number {number}" for number in range(50)]


def test_the_same_corpus_has_no_difference():
    assert list(describe_difference(read(TEXTS), read(TEXTS))) == []


@pytest.mark.parametrize(
    ("texts", "differences"),
    [
        (TEXTS[:-1], ["49 documents of 98 words, where there were 50 documents of 100 words"]),
        ([*TEXTS[:7], "number x", *TEXTS[8:]], ["the first difference is in document 8"]),
        ([TEXTS[1], TEXTS[0], *TEXTS[2:]], ["the first difference is in document 1"]),
    ],
)
def test_a_difference_is_described(texts, differences):
    described = list(describe_difference(read(TEXTS), read(texts)))
    assert [text for text in described if text in differences] == differences


def test_many_documents_take_bounded_memory(monkeypatch):
    monkeypatch.setattr(fingerprint, "MAX_BLOCKS", 8)
    before, now = read(TEXTS), read([*TEXTS[:30], "number x", *TEXTS[31:]])
    assert len(before["digests"]) <= 8
    (described,) = describe_difference(before, now)
    assert described == "the first difference is in document 25 or one of the 7 after it"


def test_annotation_and_custom_data_count():
    doc = NLP.make_doc("number")
    prints = []
    for change in (None, "cats", "data", "object", "another object"):
        if change == "cats":
            doc.cats = {"A": 1.0}
        if change == "data":
            doc.user_data["translation"] = "Zahl"
        if change and "object" in change:
            doc.user_data["other"] = object()
        corpus = Fingerprint()
        corpus.add(doc)
        prints.append(str(corpus.to_dict()))
    assert len(set(prints[:4])) == 4
    assert prints[3] == prints[4]
