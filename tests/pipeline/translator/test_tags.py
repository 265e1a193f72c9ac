"""Tags come back in the translation: all, in each other as they were, around the right words."""

import random
from itertools import combinations, product

import numpy as np
import pytest
from aligned_docs import ENGLISH, GERMAN, translated
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn.pipeline.translator.links import Links
from spacy_rnn.pipeline.translator.nesting import Tag, nest
from spacy_rnn.pipeline.translator.placement import place
from spacy_rnn.pipeline.translator.tags import project_tags, weave


def read(marked: str) -> tuple[str, list[Tag]]:
    """Read a text in which names in brackets are tags."""
    text, tags = "", []
    for part in marked.split("["):
        element, found, rest = part.partition("]")
        if found:
            tags.append(Tag(len(text), element))
        text += rest if found else part
    return text, tags


def write(text: str, tags: list[Tag]) -> str:
    return "".join(
        part if isinstance(part, str) else f"[{part.element}]" for part in weave(text, tags)
    )


def moved(source: str, target: str, links: list[list[int]]) -> str:
    text, tags = read(source)
    return write(target, project_tags(translated(text, target, links), tags, GERMAN.make_doc))


CAT = "The black cat has not slept ."
KATZE = "Geschlafen hat die schwarze Katze nicht ."
CAT_LINKS = [[5], [3], [0], [1], [2], [4], [6]]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (
            "[a]The [b]black[b] cat[a] has [i]not[i] slept .",
            "Geschlafen hat [a]die [b]schwarze[b] Katze[a] [i]nicht[i] .",
        ),
        # Around everything, also with a tag before the first word.
        (
            "[a][b][x]The black cat has not slept .[b][a]",
            "[a][b][x]Geschlafen hat die schwarze Katze nicht .[b][a]",
        ),
        # Siblings change places, and punctuation stays outside.
        (
            "[a]The black cat[a] has not [b]slept[b] .",
            "[b]Geschlafen[b] hat [a]die schwarze Katze[a] nicht .",
        ),
        # Empty elements stay beside the word that they touch.
        (
            "The black cat[x] has [y]not slept[z] .",
            "Geschlafen[z] hat die schwarze Katze[x] [y]nicht .",
        ),
        # Elements without a word stay whole.
        (
            "The black[a][x][a] cat has not slept .",
            "Geschlafen hat die schwarze[a][x][a] Katze nicht .",
        ),
        # Crossing elements.
        (
            "[a]The [b]black[a] cat[b] has not slept .",
            "Geschlafen hat [a]die [b]schwarze[a] Katze[b] nicht .",
        ),
        # A part of a word gets the whole.
        (
            "The b[a]l[a]ack cat has not slept .",
            "Geschlafen hat die [a]schwarze[a] Katze nicht .",
        ),
        # White space in an element stays there.
        (
            "The[a] black cat [a]has not slept .",
            "Geschlafen hat die[a] schwarze Katze [a]nicht .",
        ),
    ],
)
def test_tags_go_with_their_words(source, target):
    assert moved(source, KATZE, CAT_LINKS) == target


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("[b]Hello[b], world", "[b]Hallo[b], Welt"),
        ("Hello[x], world", "Hallo[x], Welt"),
        ("Hello, [x]world", "Hallo, [x]Welt"),
        ("Hello,[x] world", "Hallo,[x] Welt"),
        ("Hello, [b]world[b]", "Hallo, [b]Welt[b]"),
        ("[b]Hello[b][i], world[i]", "[b]Hallo[b][i], Welt[i]"),
        ("[x] Hello, world [y]", "[x]Hallo, Welt[y]"),
    ],
)
def test_white_space_stays_where_it_was(source, target):
    assert moved(source, "Hallo, Welt", [[0], [1], [2]]) == target


def test_an_element_whose_words_are_lost_stays_beside_its_neighbours():
    assert moved("I do [b]not[b] know", "Ich weiß", [[0], [3]]) == "Ich [b][b]weiß"


def test_an_element_with_little_weight_has_the_word_that_most_of_it_is_in():
    assert moved("I [b]would[b] like it", "Ich möchte es", [[0], [1, 2, 2], [3]]) == (
        "Ich [b]möchte[b] es"
    )


def test_a_text_without_words_is_copied():
    assert moved("[a] [b][b] [a]", "  ", []) == "[a] [b][b] [a]"
    assert moved("[a][x][a]", "", []) == "[a][x][a]"


def draw_case(seed: int, number: int, crossing: bool):
    """Draw elements of words, and links of random weights."""
    rng = random.Random(seed)
    words, targets = rng.randint(2, 6), rng.randint(1, 5)
    spans = []
    for _ in range(number):
        span = tuple(sorted(rng.sample(range(words + 1), 2)))
        if crossing or all(related(span, other) != "crossing" for other in spans):
            spans.append(span)
    spans.sort(key=lambda span: (span[0], -span[1]))
    ends = [(2 * end - 1, 0, -index, index) for index, (_, end) in enumerate(spans)]
    starts = [(2 * start, 1, index, index) for index, (start, _) in enumerate(spans)]
    tags = [Tag(position, index) for position, *_, index in sorted(ends + starts)]
    weights = np.random.default_rng(seed).dirichlet([0.3] * words, targets)
    weights[weights < 0.05] = 0
    return spans, tags, [(2 * index, 2 * index + 1) for index in range(words)], weights


def related(span, other) -> str:
    (start, end), (other_start, other_end) = span, other
    if end <= other_start or other_end <= start:
        return "apart"
    if start <= other_start and other_end <= end:
        return "around"
    return "in" if other_start <= start and end <= other_end else "crossing"


def place_spans(tags, words, weights) -> list[tuple[int, ...]]:
    """Return where elements are in the translation, by their numbers."""
    targets, sources = weights.nonzero()
    text = nest(tags, words)
    places = place(text, Links(targets, sources, weights[targets, sources], len(weights)))
    found: dict[int, list[int]] = {}
    for edge, number in zip(text.sequence(), places, strict=True):
        for tag in edge.tags:
            found.setdefault(tags[tag].element, []).append(number)
    return [tuple(found[index]) for index in range(len(found))]


def is_allowed(spans, places) -> bool:
    for (span, found), (other, other_found) in combinations(zip(spans, places, strict=True), 2):
        relation = related(span, other)
        if relation == "apart":
            fine = found[1] <= other_found[0] or other_found[1] <= found[0]
        elif relation == "around":
            fine = found[0] <= other_found[0] and other_found[1] <= found[1]
        else:
            raise AssertionError("An element is before those that are in it")
        if not fine or (span == other and found != other_found):
            return False
    return True


def worth(spans, places, weights) -> float:
    """Add up what words say to the places of elements, once for those around the same words."""
    total = 0.0
    for (start, end), found in dict(zip(spans, places, strict=True)).items():
        if (start, end) == (0, weights.shape[1]):
            continue  # Around everything.
        inside = weights[:, start:end].sum(1)
        gains = inside - (weights.sum(1) - inside)
        if gains.max() <= 1e-6:
            gains = inside - 0.9 * inside.max()
        total += gains[slice(*found)].sum()
    return total


def test_no_other_places_are_better():
    """Against all places that elements could have."""
    for seed in range(150):
        spans, tags, words, weights = draw_case(seed, 3, crossing=False)
        places = place_spans(tags, words, weights)
        assert is_allowed(spans, places)
        number = len(weights)
        ranges = [(start, end) for start in range(number + 1) for end in range(start, number + 1)]
        choices = [[(0, number)] if span == (0, len(words)) else ranges for span in spans]
        best = max(
            worth(spans, each, weights) for each in product(*choices) if is_allowed(spans, each)
        )
        assert worth(spans, places, weights) == pytest.approx(best, abs=5e-3)


@settings(max_examples=200, deadline=None)
@given(
    source=st.lists(st.sampled_from(["cat", "dog", ",", " ", "\n", "2"]), max_size=8),
    target=st.lists(st.sampled_from(["Katze", "Hund", ",", " ", "2"]), max_size=8),
    cuts=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.booleans()), max_size=6),
    data=st.data(),
)
def test_tags_are_all_there_and_balanced(source, target, cuts, data):
    text, translation = " ".join([*source, "cat"]), " ".join(["Katze", *target])
    number = sum(not token.is_space for token in ENGLISH(text))
    words = sum(not token.is_space for token in GERMAN(translation))
    numbers = st.lists(st.integers(0, number - 1), max_size=3)
    links = [[0], *(data.draw(numbers) for _ in range(words - 1))]
    doc = translated(text, translation, links)
    tags = draw_tags(cuts, len(text))
    found = project_tags(doc, tags, GERMAN.make_doc)
    assert sorted(tag.element for tag in found) == sorted(tag.element for tag in tags)
    assert all(0 <= tag.position <= len(translation) for tag in found)
    assert [tag.position for tag in found] == sorted(tag.position for tag in found)
    assert write(translation, found).replace("[", "").count("]") == len(tags)
    before, after = (index_elements(each) for each in (tags, found))
    for one, other in combinations(before, 2):
        if min(len(before[one]), len(before[other])) == 2:
            relation = related(before[one], before[other])
            assert related(after[one], after[other]) == relation


def draw_tags(cuts, length) -> list[Tag]:
    """Make tags at random places, also of crossing and empty elements."""
    ends = []
    for element, (start, end, is_empty) in enumerate(cuts):
        start, end = sorted((start % (length + 1), end % (length + 1)))
        ends += [(start, element)] if is_empty else [(start, element), (end, element)]
    return [Tag(*end) for end in sorted(ends)]


def index_elements(tags) -> dict:
    """List the indices of the tags of each element."""
    found: dict = {}
    for index, tag in enumerate(tags):
        found.setdefault(tag.element, []).append(index)
    return found


def test_elements_in_each_other_need_no_stack():
    text = "a b"
    tags = [Tag(0, number) for number in range(3000)]
    tags += [Tag(1, number) for number in reversed(range(3000))]
    found = project_tags(translated(text, "x y", [[1], [0]]), tags, GERMAN.make_doc)
    assert [tag.position for tag in found] == [2] * 3000 + [3] * 3000


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([Tag(4, "a")], "has to be from 0, that of the tag before it, to 3"),
        ([Tag(2, "a"), Tag(1, "a")], "has to be from 2"),
        ([Tag(1, "a")] * 3, "'a' has 3 tags"),
    ],
)
def test_wrong_tags_are_named(tags, message):
    with pytest.raises(ValueError, match=message):
        project_tags(translated("a b", "x y", [[1], [0]]), tags, GERMAN.make_doc)
