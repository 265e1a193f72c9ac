"""What of a document is translated as one."""

import pytest
import spacy
from spacy.tokens import Doc

from spacy_rnn.pipeline.translator.passages import split_passages

BLANK = spacy.blank("en")
THREE = "Show me a room? On Monday Mr. Hill will fly to Berlin. She is back soon."


def read(doc, *settings):
    """Return the texts of the passages of a document, which together are the whole text."""
    passages = split_passages([doc], *settings)
    whole = "".join(
        f"{passage.before}{passage.source.text.strip()}{passage.after}" for passage in passages
    )
    assert whole == (doc.text if passages else "")
    for passage in passages:
        assert doc[passage.first_token].idx == passage.first_character
        assert doc.text[passage.first_character :].startswith(passage.source.text.strip())
    return [passage.source.text.strip() for passage in passages]


def test_sentences_are_found_where_nothing_has_set_them():
    assert read(BLANK.make_doc(THREE)) == [
        "Show me a room?",
        "On Monday Mr. Hill will fly to Berlin.",
        "She is back soon.",
    ]


@pytest.mark.parametrize(
    ("max_sentences", "passages"),
    [
        (0, ["a. b. c. d. e."]),
        (1, ["a.", "b.", "c.", "d.", "e."]),
        (2, ["a. b.", "c. d.", "e."]),
        (9, ["a. b. c. d. e."]),
    ],
)
def test_passages_have_so_many_sentences(max_sentences, passages):
    words = [word for letter in "abcde" for word in (letter, ".")]
    doc = Doc(BLANK.vocab, words, spaces=[False, True] * 5)
    assert read(doc, max_sentences) == [passage.removesuffix(" ") for passage in passages]


@pytest.mark.parametrize("start", [None, 0, 4])
def test_boundaries_that_are_set_are_taken(start):
    doc = BLANK.make_doc(THREE)
    for token in doc[1:]:
        token.is_sent_start = token.i == start
    texts = [doc[:start].text, doc[start:].text] if start else [doc.text]
    assert read(doc) == texts


def test_boundaries_that_are_not_set_are_found_beside_those_that_are():
    doc = BLANK.make_doc(THREE)
    doc[2].is_sent_start = True
    doc[5].is_sent_start = False
    assert [token.text for token in doc if token.i in (2, 5)] == ["a", "On"]
    assert read(doc) == [
        "Show me",
        "a room? On Monday Mr. Hill will fly to Berlin.",
        "She is back soon.",
    ]


@pytest.mark.parametrize("component", ["sentencizer", "parser_like"])
def test_boundaries_of_a_component_are_taken_over_line_breaks(component):
    text = "We are\nhere. They are\nthere."
    doc = BLANK.make_doc(text)
    if component == "sentencizer":
        doc = BLANK.create_pipe("sentencizer")(doc)
    else:
        doc = Doc(
            BLANK.vocab,
            [token.text for token in doc],
            [bool(token.whitespace_) for token in doc],
            heads=[1, 1, 1, 1, 1, 6, 6, 6, 6, 6],
            deps=["dep"] * 10,
        )
    assert read(doc) == ["We are\nhere.", "They are\nthere."]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\n\n", " \n\t\n ", "\u2028", "\x0c"])
def test_line_breaks_end_a_passage_unless_sources_had_them(line_break):
    doc = BLANK.make_doc(f"A room{line_break}two beds. And{line_break}breakfast")
    assert read(doc) == ["A room", "two beds.", "And", "breakfast"]
    assert read(doc, 3) == ["A room", "two beds. And", "breakfast"]
    assert read(doc, 1, True) == [
        f"A room{line_break}two beds.",
        f"And{line_break}breakfast",
    ]


def test_marks_of_lists_are_no_part_of_passages():
    text = "We need\n- two beds\n* a room.\n1. 3 keys\n12) -5 degrees\n2.5 hours - or more\n-\n3. "
    assert read(BLANK.make_doc(text)) == [
        "We need",
        "two beds",
        "a room.",
        "3 keys",
        "-5 degrees",
        "2.5 hours - or more",
    ]
    assert read(BLANK.make_doc("5 keys. 1. beds")) == ["5 keys.", "1.", "beds"]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "1. ", "-\n- \n"])
def test_documents_without_words_have_no_passages(text):
    assert read(BLANK.make_doc(text)) == []
