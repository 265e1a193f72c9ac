"""Subwords: nothing is unknown, nothing is lost, every piece has its characters."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn.text.subwords import END, START, UNKNOWN, Subwords, train_subwords

TEXTS = [
    f"{who} {what} {where}"
    for who in ("Der Zug", "Mein Koffer", "Die alte Brücke", "Unser Nachbar")
    for what in ("steht", "bleibt heute", "wartet schon lange")
    for where in ("am Bahnhof.", "in der Stadt.", "vor dem Hotel!")
]
HARD = [
    "",
    " ",
    "  a  b ",
    "\t\n",
    "\r\n",
    "x\x00y\x7f",
    "😀👩‍👩‍👧",
    "漢字かな",
    "عربى",
    "a\u2028b",
    "ß\u0301",
    "ﬁ",
]

# U+2581 is sentencepiece's own sign, and no text holds half a surrogate pair.
any_text = st.text(st.characters(exclude_characters="\u2581", exclude_categories=["Cs"]))


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def subwords(request):
    return train_subwords(TEXTS, 300, request.param)


@settings(deadline=None, derandomize=True)
@given(any_text)
def test_any_text_comes_back(subwords, text):
    (pieces,) = subwords.encode([text])
    assert subwords.decode([pieces]) == [text]
    assert not {UNKNOWN, START, END} & set(pieces)


@pytest.mark.parametrize("text", [*HARD, *TEXTS[:3]])
def test_pieces_have_their_characters(subwords, text):
    """Spans go forward, touch, and cover the text; a piece that is text is that text."""
    (pieces,) = subwords.encode([text])
    spans = subwords.char_ranges(pieces)
    covered = {position for start, end in spans for position in range(start, end)}
    assert covered == set(range(len(text)))
    assert spans == sorted(spans)
    names = subwords.to_pieces(pieces)
    for index, (name, (start, end)) in enumerate(zip(names, spans, strict=True)):
        plain = name.replace("\u2581", " ")
        if name.startswith("<0x"):
            assert end - start == 1
            assert int(name[3:5], 16) in text[start:end].encode("utf8")
        else:
            assert text[start:end] == (plain[1:] if index == 0 else plain)


def test_bytes_that_are_no_text_have_places(subwords):
    """A search may come to end in the middle of a character."""
    pieces = subwords.encode(["a漢b"])[0]
    broken = [piece for piece in pieces if subwords.to_pieces([piece]) != ["<0xBC>"]]
    assert len(broken) == len(pieces) - 1
    (text,) = subwords.decode([broken])
    assert "\ufffd" in text
    assert max(end for _, end in subwords.char_ranges(broken)) == len(text)


@pytest.mark.parametrize("phrase", ["word", "Wörter", "two words", "{x}", "🙂", "a1"])
def test_phrases_are_spelled_wherever_they_stand(subwords, phrase):
    """After a space and right after a mark, in the texts of the pieces, too."""
    after_space, elsewhere = subwords.spell(phrase)
    (before,) = subwords.encode(["the"])
    (bracket,) = subwords.encode(["the ("])
    assert subwords.decode([[*before, *after_space]]) == [f"the {phrase}"]
    assert subwords.decode([[*bracket, *elsewhere]]) == [f"the ({phrase}"]
    for pieces, expected in ((after_space, f" {phrase}"), (elsewhere, phrase)):
        text = "".join(subwords.texts[piece] for piece in pieces)
        assert text.encode("utf8", "surrogateescape").decode("utf8") == expected


def test_what_a_vocabulary_has_pieces_for(subwords):
    names = set(subwords.to_pieces([*range(len(subwords))]))
    for character in "aeZ9🙂ж":
        has = character in names or f"\u2581{character}" in names
        assert subwords.has_pieces_for(character) == has


def test_size_is_what_was_asked_for(subwords):
    assert len(subwords) == 300


def test_the_same_texts_give_the_same_vocabulary(subwords):
    kinds = {kind: train_subwords(TEXTS, 300, kind) for kind in ("bpe", "unigram")}
    assert subwords in kinds.values()
    assert kinds["bpe"] != kinds["unigram"]


def test_vocabulary_is_stored(subwords):
    (pieces,) = subwords.encode([TEXTS[0]])
    for copy in (Subwords(subwords.to_bytes()), pickle.loads(pickle.dumps(subwords))):
        assert copy == subwords
        assert copy.encode([TEXTS[0]]) == [pieces]


def test_sampling_varies_the_cut_and_keeps_the_text(subwords):
    cuts = subwords.encode([TEXTS[0]] * 20, sampling=0.3)
    assert len({tuple(cut) for cut in cuts}) > 1
    assert subwords.decode(cuts) == [TEXTS[0]] * 20


def test_sampling_follows_the_seed(subwords):
    def sample(seed):
        np.random.seed(seed)
        return subwords.encode(TEXTS * 5, sampling=0.3)

    first = sample(1)
    assert sample(2) != first
    assert sample(1) == first


@pytest.mark.parametrize(
    ("texts", "size", "kind", "message"),
    [
        (TEXTS, 5000, "bpe", "these training texts allow [0-9]{3} pieces at most"),
        (TEXTS, 5000, "unigram", "these training texts allow [0-9]{3} pieces at most"),
        (TEXTS, 100, "bpe", "set vocab_size to [0-9]{3} or more"),
        ([], 300, "bpe", "without any text"),
        ([""], 300, "bpe", "without any text"),
        (TEXTS, 300, "char", 'kind is "char", but has to be one of "bpe", "unigram"'),
    ],
)
def test_impossible_vocabularies_say_what_is_possible(texts, size, kind, message):
    with pytest.raises(ValueError, match=message):
        train_subwords(texts, size, kind)
