"""Entities in two columns."""

import pytest

from spacy_rnn.training.readers.bio import read_bio

GOOD = "Ann\tB-person\nLee\tI-person\nsaw\tO\nX\tB-person\n\t\n \n~\tO\nOslo\tB-place\n"
WRONG = {
    "I- that continues nothing": ("Ann\tI-person\n", "Line 1: the tag I-person of 'Ann'"),
    "I- of another label": ("A\tB-place\nB\tI-person\n", "Line 2: the tag I-person of 'B'"),
    "no tab": ("Ann B-person\n", "Line 1: 'Ann B-person' is not a token, a tab and a tag"),
    "three columns": ("\nA\tNN\tO\n", "Line 2: "),
    "no such tag": ("A\tL-place\n", "the tag 'L-place' is not O"),
    "no label": ("A\tB-\n", "the tag 'B-' is not O"),
}


def test_sentences_are_read():
    sentences, repaired = read_bio(GOOD)
    assert repaired == 0
    assert sentences == [
        (["Ann", "Lee", "saw", "X"], ["B-person", "I-person", "O", "B-person"]),
        (["~", "Oslo"], ["O", "B-place"]),
    ]


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_lines_are_an_error_that_names_them(wrong):
    text, message = WRONG[wrong]
    with pytest.raises(ValueError, match=message):
        read_bio(text)


def test_repaired_tags_begin_an_entity_and_are_counted():
    text = "A\tI-x\nB\tI-x\nC\tI-y\nD\tO\nE\tI-y\n\nF\tI-y\n"
    sentences, repaired = read_bio(text, "repair")
    assert repaired == 4
    assert [tags for _, tags in sentences] == [["B-x", "I-x", "B-y", "O", "B-y"], ["B-y"]]
