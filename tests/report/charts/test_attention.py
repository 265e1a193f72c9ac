"""The heat map shows the weights of attention."""

import re
from xml.etree import ElementTree

import pytest

from spacy_rnn.report.charts.attention import render_attention

SVG = "{http://www.w3.org/2000/svg}"
SOURCE = ["where", "is", "it", "?"]
TARGET = ["wo", "ist", "es"]
WEIGHTS = [[0.7, 0.1, 0.1, 0.1], [0.0, 1.0, 0.0, 0.0], [0.05, 0.125, 0.75, 0.075]]


def parse(source, target, weights):
    picture = render_attention(source, target, weights)
    assert picture == render_attention(source, target, weights)
    return ElementTree.fromstring(picture)


def labels(root, which):
    return [text for text in root.iter(f"{SVG}text") if text.get("class") == which]


def cells(root):
    """Give position, opacity and tooltip of each cell, the legend's left out."""
    return [
        (
            float(rect.get("x")),
            float(rect.get("y")),
            float(rect.get("fill-opacity")),
            group.findtext(f"{SVG}title"),
        )
        for group in root.iter(f"{SVG}g")
        if group.get("class") != "legend"
        for rect in group.findall(f"{SVG}rect[@class='cell']")
    ]


def test_each_weight_is_at_its_row_and_column():
    root = parse(SOURCE, TARGET, WEIGHTS)
    drawn = cells(root)
    columns = sorted({x for x, _, _, _ in drawn})
    rows = sorted({y for _, y, _, _ in drawn})
    assert (len(drawn), len(columns), len(rows)) == (12, 4, 3)
    for x, y, opacity, title in drawn:
        row, column = rows.index(y), columns.index(x)
        assert opacity == pytest.approx(WEIGHTS[row][column], abs=1e-4)
        assert title == f"{TARGET[row]} ← {SOURCE[column]}: {WEIGHTS[row][column]:.3f}"


def test_labels_stand_at_their_rows_and_columns():
    root = parse(SOURCE, TARGET, WEIGHTS)
    drawn = cells(root)
    columns = sorted({x for x, _, _, _ in drawn})
    rows = sorted({y for _, y, _, _ in drawn})
    size = columns[1] - columns[0]
    for label, text, y in zip(labels(root, "target"), TARGET, rows, strict=True):
        assert label.text == text
        assert float(label.get("y")) == pytest.approx(y + size / 2, abs=0.1)
        assert float(label.get("x")) < columns[0]
    for label, text, x in zip(labels(root, "source"), SOURCE, columns, strict=True):
        assert label.text == text
        position, above = map(
            float, re.findall(r"translate\(([\d.]+) ([\d.]+)\)", label.get("transform"))[0]
        )
        assert position == pytest.approx(x + size / 2, abs=0.1)
        assert above < rows[0]
        assert "rotate(-45)" in label.get("transform")


@pytest.mark.parametrize(
    ("source", "target"), [(["hi"], ["hallo"]), (["hi"], []), ([], ["hallo"]), ([], [])]
)
def test_few_tokens(source, target):
    root = parse(source, target, [[0.5] * len(source)] * len(target))
    assert len(cells(root)) == len(source) * len(target)
    assert len(labels(root, "source")) == len(source)
    assert len(labels(root, "target")) == len(target)


def test_long_sentences_keep_the_size_of_cells():
    """A long sentence makes a large picture, which holds all of its cells and labels."""
    source, target = ["internationalisation"] * 80, ["Internationalisierung"] * 60
    long = parse(source, target, [[0.0] * 80] * 60)
    short = parse(SOURCE, TARGET, WEIGHTS)
    size = {rect.get("width") for rect in long.iter(f"{SVG}rect") if rect.get("class") == "cell"}
    assert size == {
        rect.get("width") for rect in short.iter(f"{SVG}rect") if rect.get("class") == "cell"
    }
    (width,) = map(float, size)
    drawn = cells(long)
    # A letter is some 7 pixels wide, and lies at 45 degrees in the labels of columns.
    last = max(x for x, _, _, _ in drawn) + width / 2
    assert last + 20 * 7 * 0.7 < float(long.get("width"))
    assert min(y for _, y, _, _ in drawn) > 20 * 7 * 0.7
    assert min(x for x, _, _, _ in drawn) > 21 * 7
    assert max(y for _, y, _, _ in drawn) + width < float(long.get("height"))


def test_text_is_escaped():
    token = "<&\">'\x01"
    root = parse([token], [token], [[0.25]])
    shown = "<&\">'\ufffd"
    assert [text.text for text in labels(root, "source") + labels(root, "target")] == [shown] * 2
    assert cells(root)[0][3] == f"{shown} ← {shown}: 0.250"


def test_spaces_can_be_seen():
    root = parse([" ", "\n"], ["a b"], [[0.5, 0.5]])
    assert [text.text for text in labels(root, "source")] == ["␣", "⏎"]
    assert [text.text for text in labels(root, "target")] == ["a␣b"]


def test_picture_has_words_for_those_who_cannot_see_it():
    root = parse(SOURCE, TARGET, WEIGHTS)
    assert (root.get("role"), root.findtext(f"{SVG}title")) == ("img", "Attention")
    assert root.findtext(f"{SVG}desc").endswith("where is it ? → wo ist es")
    assert "prefers-color-scheme: dark" in root.findtext(f"{SVG}style")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[0.5, 0.5]], "1 rows of weights for 2 target tokens"),
        ([[0.5, 0.5], [1.0]], "Row 1 has 1 weights for 2 source tokens"),
        ([[0.5, 0.5], [1.5, 0.5]], "Row 1 has the weight 1.5"),
        ([[-0.5, 0.5], [0.5, 0.5]], "Row 0 has the weight -0.5"),
        ([[float("nan"), 0.5], [0.5, 0.5]], "Row 0 has the weight nan"),
    ],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        render_attention(["a", "b"], ["c", "d"], weights)


def test_what_a_softmax_rounds_above_1_is_drawn_as_1():
    ((_, _, opacity, _),) = cells(parse(["a"], ["b"], [[1.0039]]))
    assert opacity == 1
