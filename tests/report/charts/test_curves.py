"""The learning curve shows the numbers of the log."""

import json
import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from spacy_rnn.report.charts.curves import WIDTH, render_learning_curve

SVG = "{http://www.w3.org/2000/svg}"


def row(step, loss=1.0, name="tagger", **scores):
    return {"epoch": 0, "step": step, "losses": {name: loss}, "scores": scores}


def parse(rows, **settings):
    picture = render_learning_curve(rows, **settings)
    assert picture == render_learning_curve(json.loads(json.dumps(rows)), **settings)
    return ElementTree.fromstring(picture)


def dots(root, name):
    """Give the positions of a curve's dots and the numbers in their tooltips."""
    (curve,) = (group for group in root.iter(f"{SVG}g") if group.get("data-name") == name)
    return [
        (float(dot.get("cx")), float(dot.get("cy")), dot.findtext(f"{SVG}title"))
        for dot in curve.iter(f"{SVG}circle")
    ]


def texts(root):
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def assert_affine(positions, numbers):
    """Check that equal differences are equally far apart, within what is rounded."""
    slope = (positions[-1] - positions[0]) / (numbers[-1] - numbers[0])
    assert slope != 0
    for position, number in zip(positions, numbers, strict=True):
        assert position == pytest.approx(positions[0] + slope * (number - numbers[0]), abs=0.02)
    return slope


STEPS = [0, 100, 250, 300]
BLEU = [0.5, 20.0, 61.0, 47.5]


def test_places_are_affine_in_the_data():
    rows = [row(step, bleu=bleu) for step, bleu in zip(STEPS, BLEU, strict=True)]
    x, y, titles = zip(*dots(parse(rows), "bleu"), strict=True)
    assert assert_affine(x, STEPS) > 0
    assert assert_affine(y, BLEU) < 0
    assert titles[2] == "BLEU, step 250: 61"


def test_panels_share_their_steps():
    rows = [row(step, loss=step + 1, bleu=1.0 + step, perplexity=9.0) for step in STEPS]
    root = parse(rows)
    positions = [[x for x, _, _ in dots(root, name)] for name in ("tagger", "bleu", "perplexity")]
    assert positions[0] == positions[1] == positions[2]
    heights = [[y for _, y, _ in dots(root, name)] for name in ("tagger", "bleu", "perplexity")]
    for above, below in pairwise(heights):
        assert max(above) < min(below)


def test_ticks_stand_where_their_numbers_are():
    root = parse([row(step, bleu=bleu) for step, bleu in zip(STEPS, BLEU, strict=True)])
    positions = {
        float(text.text): float(text.get("y"))
        for text in root.iter(f"{SVG}text")
        if text.get("dominant-baseline") == "central" and float(text.get("y")) > 200
    }
    assert len(positions) >= 4
    curve = dots(root, "bleu")
    numbers = [*positions, *BLEU]
    assert_affine([*positions.values(), *(y for _, y, _ in curve)], numbers)
    assert min(positions) <= min(BLEU) < max(BLEU) <= max(positions)


def test_a_loss_is_spread_over_its_steps():
    """The log has sums since the row before, of which the first is one of one step."""
    losses = [7.0, 600.0, 300.0, 25.0]
    rows = [row(step, loss) for step, loss in zip(STEPS, losses, strict=True)]
    _, y, titles = zip(*dots(parse(rows), "tagger"), strict=True)
    means = [7.0, 6.0, 2.0, 0.5]
    assert_affine(y, means)
    assert [float(title.split()[-1]) for title in titles] == means


@pytest.mark.parametrize("numbers", [[1000.0, 90.0, 4.0, 1.5], [20.0, 10.0, 4.0, 2.0]])
def test_a_fall_of_perplexity_to_a_tenth_is_logarithmic(numbers):
    rows = [row(step, perplexity=number) for step, number in zip(STEPS, numbers, strict=True)]
    root = parse(rows)
    _, y, _ = zip(*dots(root, "perplexity"), strict=True)
    assert assert_affine(y, [math.log(number) for number in numbers]) < 0
    assert "Perplexity, logarithmic" in texts(root)


def test_a_small_fall_of_perplexity_is_linear():
    numbers = [8.0, 4.0, 2.0, 1.5]
    rows = [row(step, perplexity=number) for step, number in zip(STEPS, numbers, strict=True)]
    root = parse(rows)
    assert_affine([y for _, y, _ in dots(root, "perplexity")], numbers)
    assert "Perplexity" in texts(root)


@pytest.mark.parametrize("gap", [None, math.nan, math.inf])
def test_what_is_no_number_leaves_a_gap(gap):
    scores = [1.0, 2.0, gap, 4.0, 5.0]
    root = ElementTree.fromstring(
        render_learning_curve([row(step, bleu=score) for step, score in enumerate(scores)])
    )
    assert len(dots(root, "bleu")) == 4
    curve = next(group for group in root.iter(f"{SVG}g") if group.get("data-name") == "bleu")
    assert re.sub(r"[^ML]", "", curve.find(f"{SVG}path").get("d")) == "MLML"


def test_scores_of_some_rows_are_drawn_at_their_steps():
    root = parse([row(0), row(10, bleu=3.0), row(20), row(30, bleu=9.0)])
    steps = {x for x, _, _ in dots(root, "tagger")}
    assert {x for x, _, _ in dots(root, "bleu")} < steps


def test_scores_that_share_a_part_share_a_panel():
    rows = [row(step, one_bleu=step, two_bleu=step + 20.0) for step in STEPS]
    root = parse(rows)
    one, two = ([y for _, y, _ in dots(root, name)] for name in ("one_bleu", "two_bleu"))
    assert one[1] - two[1] == pytest.approx(one[2] - two[2])
    assert texts(root).count("BLEU") == 1
    assert "one BLEUtwo BLEU" in texts(root)


def test_names_of_scores_lack_the_component_that_they_share():
    scores = {"rnn_lm_word_perplexity": 9.0, "rnn_lm_token_perplexity": 4.0}
    root = parse([row(step, **scores) for step in STEPS])
    assert "Word perplexityToken perplexity" in texts(root)


def test_many_long_names_stay_in_the_picture():
    names = [f"component_with_a_long_name_{number}" for number in range(9)]
    losses = {name: 1.0 + position for position, name in enumerate(names)}
    root = parse([{"epoch": 0, "step": step, "losses": losses, "scores": {}} for step in STEPS])
    for span in root.iter(f"{SVG}tspan"):
        assert float(span.get("x")) + 8 * len(span.text) <= WIDTH
    strokes = {
        (path.get("class"), path.get("stroke-dasharray")) for path in root.iter(f"{SVG}path")
    }
    assert len(strokes) == len(names)


def test_other_scores_can_be_asked_for():
    rows = [row(step, tag_acc=step / 300, bleu=1.0) for step in STEPS]
    root = parse(rows, scores=("tag_acc",))
    assert_affine([y for _, y, _ in dots(root, "tag_acc")], STEPS)
    assert "BLEU" not in texts(root)


def test_without_such_scores_the_one_that_chooses_the_best_model_is_drawn():
    rows = [{**row(step, tag_acc=0.5), "score": step / 300} for step in STEPS]
    root = parse(rows)
    assert_affine([y for _, y, _ in dots(root, "score")], STEPS)
    assert "Score" in texts(root)
    assert "Score" not in texts(parse([{**each, "scores": {"bleu": 1.0}} for each in rows]))


def test_one_row_is_a_dot_within_the_picture():
    root = parse([row(40, 2.5, bleu=3.0)])
    for name in ("tagger", "bleu"):
        ((x, y, _),) = dots(root, name)
        assert 0 < x < float(root.get("width"))
        assert 0 < y < float(root.get("height"))


@pytest.mark.parametrize("rows", [[], [{"epoch": 0, "step": 0, "losses": {}, "scores": {}}]])
def test_a_log_without_numbers_says_so(rows):
    assert texts(parse(rows)) == ["Nothing has been logged yet."]


def test_names_are_escaped():
    name = '<&">\x00'
    root = parse([row(step, name=name, **{f"{name}bleu": 1.0}) for step in STEPS])
    assert dots(root, '<&">\ufffd')
    assert dots(root, '<&">\ufffdbleu')


def test_picture_has_words_for_those_who_cannot_see_it():
    root = parse([row(step, bleu=bleu) for step, bleu in zip(STEPS, BLEU, strict=True)])
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Learning curve"
    assert "BLEU: from 0.5 to 47.5." in root.findtext(f"{SVG}desc")
    assert "prefers-color-scheme: dark" in root.findtext(f"{SVG}style")


@pytest.mark.parametrize("second", [5, 4])
def test_steps_have_to_rise(second):
    with pytest.raises(ValueError, match=f"Step {second} comes after step 5"):
        render_learning_curve([row(5), row(second)])
