"""Vocabularies of words, characters and subwords."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc

from spacy_rnn.text.subwords import END, UNKNOWN
from spacy_rnn.text.units import encode_parts, load_units, make_units

TEXTS = ["a red cat saw a red bird", "a cat  saw\n\na dog.", "Ein Vogel, ein Hund."]
NEW = [*TEXTS, "", " ", "  a", "cat ", "ein 読む 🐦 cat", "a.b.c", "don't"]
SIZES = {"words": 100, "characters": 100, "subwords": 300}


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


@pytest.fixture(scope="module", params=SIZES)
def units(request, nlp):
    return make_units(request.param, map(nlp, TEXTS), vocab_size=SIZES[request.param])


def test_pieces_and_their_tokens(units, nlp):
    for text in NEW:
        doc = nlp(text)
        pieces = units.encode(doc)
        tokens = units.token_indices(doc, pieces)
        assert len(tokens) == len(pieces)
        assert list(tokens) == sorted(tokens)
        assert set(tokens.tolist()) <= set(range(len(doc)))
        if units.kind != "subwords":  # A subword may hold more than one token.
            assert set(tokens.tolist()) == set(range(len(doc)))


def test_texts_come_back(units, nlp):
    for text in TEXTS:
        found = units.decode(units.encode(nlp(text)).tolist())
        assert (
            found.split()
            == (text if units.kind != "words" else " ".join(map(str, nlp(text)))).split()
        )


def test_storage(units, nlp):
    copy = load_units(units.to_bytes())
    assert len(copy) == len(units)
    for text in NEW:
        assert copy.encode(nlp(text)).tolist() == units.encode(nlp(text)).tolist()


def test_parts_are_cut_as_the_whole(units, nlp):
    doc = nlp(TEXTS[0])
    joined = np.concatenate([units.encode(doc[:3]), units.encode(doc[3:])])
    assert joined.tolist() == units.encode(doc).tolist()


def test_ends_within_a_document(units, nlp):
    doc = nlp("a red cat saw")
    parts = encode_parts(units, doc, [0, 2, 2])
    assert [part.tolist()[-1:] for part in parts[:-1]] == [[END]] * 3
    assert parts[0].tolist() == parts[2].tolist() == [END]
    assert parts[1].tolist()[:-1] == units.encode(doc[:2]).tolist()
    assert parts[3].tolist() == units.encode(doc[2:]).tolist()


def test_strings_are_cut_as_documents(units, nlp):
    for word in ("cat", "new", "🐦"):
        assert units.encode_string(word) == units.encode(nlp(word)).tolist()
    assert units.encode_string("") == []


def test_rare_and_unknown_words(nlp):
    docs = [nlp(text) for text in TEXTS]
    units = make_units("words", docs, min_count=2)
    assert units.to_pieces(range(3, len(units))) == ["a", ".", "cat", "red", "saw"]
    assert units.encode(nlp("a bird")).tolist() == [3, UNKNOWN]
    assert len(make_units("words", docs, vocab_size=5)) == 5
    assert make_units("words", docs[::-1]).to_bytes() == make_units("words", docs).to_bytes()


def test_tokens_that_look_like_attributes(nlp):
    doc = Doc(nlp.vocab, words=["NOUN", "ORTH", "x", "<end>"])
    units = make_units("words", [doc])
    assert len(set(units.encode(doc).tolist()) - {UNKNOWN, END}) == 4


@pytest.mark.parametrize("kind", ["words", "characters"])
def test_what_cannot_be_a_vocabulary(kind, nlp):
    with pytest.raises(ValueError, match="without any text"):
        make_units(kind, [nlp("")])
    with pytest.raises(ValueError, match=f"No {kind} are left .* min_count, which is 99"):
        make_units(kind, map(nlp, TEXTS), min_count=99)
    with pytest.raises(ValueError, match="no vocabulary yet"):
        load_units(b"")
