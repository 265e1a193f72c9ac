"""Batches of similar length."""

from itertools import count, islice

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from spacy_rnn.extensions import ensure_extension
from spacy_rnn.training.batchers import create_bucket_batcher_v1

repeatable = settings(deadline=None, derandomize=True)
NLP = spacy.blank("en")


def items_of(lengths):
    """Make items that can be distinguished."""
    return [[number] * length for number, length in enumerate(lengths)]


@repeatable
@given(
    st.lists(st.integers(1, 40), max_size=80),
    st.integers(1, 100),
    st.integers(1, 30),
    st.integers(0, 5),
)
def test_each_item_is_in_one_batch_within_the_bounds(lengths, size, buffer, max_items):
    items = items_of(lengths)
    batches = list(create_bucket_batcher_v1(size, buffer, max_items=max_items)(items))
    assert sorted(item for batch in batches for item in batch) == sorted(items)
    for batch in batches:
        assert len(batch) == 1 or max(map(len, batch)) * len(batch) <= size
        assert 1 <= len(batch) <= (max_items or buffer)


def test_batches_are_of_similar_length():
    lengths = [1, 9, 2, 8, 1, 9, 2, 8] * 4
    batches = list(create_bucket_batcher_v1(18, buffer=32)(items_of(lengths)))
    padded = sum(max(map(len, batch)) * len(batch) for batch in batches)
    assert padded <= 1.1 * sum(lengths)
    assert len(batches) < len(lengths)


def test_batches_are_full():
    batches = list(create_bucket_batcher_v1(12)(items_of([3] * 12)))
    assert [len(batch) for batch in batches] == [4, 4, 4]
    batches = list(create_bucket_batcher_v1(12, max_items=3)(items_of([3] * 12)))
    assert [len(batch) for batch in batches] == [3, 3, 3, 3]


def test_what_is_too_long_is_alone():
    batches = list(create_bucket_batcher_v1(10)(items_of([2, 50, 3, 11])))
    assert sorted([len(item) for item in batch] for batch in batches) == [[2, 3], [11], [50]]


def test_items_without_tokens():
    batches = list(create_bucket_batcher_v1(10, buffer=4)([[], [], [], [], []]))
    assert [len(batch) for batch in batches] == [4, 1]
    assert list(create_bucket_batcher_v1(10)([])) == []


def test_order_follows_from_seed_and_pass():
    items = items_of([number % 17 + 1 for number in range(200)])
    batchers = [create_bucket_batcher_v1(40, seed=seed) for seed in (0, 0, 1)]
    passes = [[list(batcher(items)) for _ in range(3)] for batcher in batchers]
    assert passes[0] == passes[1]
    orders = [*passes[0], *passes[2]]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])
    lengths = [len(batch[0]) for batch in orders[0]]
    assert lengths not in (sorted(lengths), sorted(lengths, reverse=True))


def test_one_buffer_is_read_ahead():
    taken = []

    def endless():
        for number in count():
            taken.append(number)
            yield [0] * 5

    batches = create_bucket_batcher_v1(10, buffer=8)(endless())
    assert not taken
    assert len(list(islice(batches, 4))) == 4
    assert len(taken) == 8
    next(batches)
    assert len(taken) == 16


def test_docs_and_examples():
    ensure_extension("translation")
    docs = [NLP.make_doc("one two three"), NLP.make_doc("one"), NLP.make_doc("a b")]
    batches = create_bucket_batcher_v1(4)(docs)
    assert sorted([len(doc) for doc in batch] for batch in batches) == [[1, 2], [3]]
    examples = [Example(NLP.make_doc(doc.text), doc) for doc in docs]
    batches = create_bucket_batcher_v1(4)(examples)
    assert sorted([len(eg.reference) for eg in batch] for batch in batches) == [[1, 2], [3]]


@pytest.mark.parametrize("translation", ["x" * 20, ["x" * 20, "y"], ("x" * 20, "y" * 80)])
def test_translation_counts(translation):
    """Twenty characters are as long as four tokens; of several references the first counts."""
    ensure_extension("translation")
    examples = [Example(NLP.make_doc("one"), NLP.make_doc("one")) for _ in range(4)]
    for example in examples:
        example.reference._.translation = translation
    assert [len(batch) for batch in create_bucket_batcher_v1(8)(examples)] == [2, 2]
    batches = create_bucket_batcher_v1(8, attr="batchers_test_unset")(examples)
    assert [len(batch) for batch in batches] == [4]
    assert not Doc.has_extension("batchers_test_unset")
    for example in examples:
        example.reference._.translation = [] if isinstance(translation, list) else ""
    assert [len(batch) for batch in create_bucket_batcher_v1(8)(examples)] == [4]


def test_own_length():
    batches = create_bucket_batcher_v1(10, get_length=lambda item: 5)(["a", "bb", "ccc"])
    assert sorted(batches) == [["a", "bb"], ["ccc"]]


def test_sizes_follow_a_schedule():
    items = items_of([1] * 12)
    batcher = create_bucket_batcher_v1([1, 2], buffer=4)
    for _ in range(2):
        sizes = [len(batch) for batch in batcher(items)]
        assert sizes == [1] * 4 + [2] * 4
    growing = registry.resolve({"size": {"@schedules": "compounding.v1", **COMPOUNDING}})["size"]
    batcher = create_bucket_batcher_v1(growing, buffer=4)
    assert [len(batch) for batch in batcher(items)] == [1] * 4 + [2] * 2 + [4]
    # A schedule goes on through the passes.
    assert [len(batch) for batch in batcher(items)] == [4] * 3
    batcher = create_bucket_batcher_v1(iter([1, 2]), buffer=4)
    assert [len(batch) for batch in batcher(items)] == [1] * 4 + [2] * 4
    assert [len(batch) for batch in batcher(items)] == [2] * 6


COMPOUNDING = {"start": 1, "stop": 4, "compound": 2.0}


def test_config():
    name = "batchers-test.BucketBatcher.v1"
    registry.batchers.register(name, func=create_bucket_batcher_v1)
    for size in (4, [4], {"@schedules": "compounding.v1", **COMPOUNDING, "start": 4}):
        block = {"@batchers": name, "size": size, "max_items": 2, "get_length": None}
        batcher = registry.resolve({"batcher": block})["batcher"]
        assert [len(batch) for batch in batcher(items_of([1] * 4))] == [2, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size is 0, but has to be at least 1"),
        ({"size": 1, "buffer": 0}, "buffer is 0, but has to be at least 1"),
        ({"size": 1, "max_items": -1}, "max_items is -1, but has to be at least 0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        create_bucket_batcher_v1(**settings)


@pytest.mark.parametrize("sizes", [[], [0]])
def test_wrong_schedules_are_refused(sizes):
    with pytest.raises(ValueError, match="size is 0, but has to be at least 1"):
        list(create_bucket_batcher_v1(sizes)(items_of([1])))
