"""Documents in parallel streams."""

from itertools import chain

import pytest
import spacy
from spacy.training import Example
from spacy.util import registry

from spacy_rnn.training.bptt import create_bptt_batcher_v1, get_chunk

NLP = spacy.blank("en")
END = "<end>"


def make_examples(*lengths):
    docs, word = [], 0
    for length in lengths:
        docs.append(NLP(" ".join(f"w{number}" for number in range(word, word + length))))
        word += length
    return [Example(doc, doc) for doc in docs]


def symbols(doc):
    """The words of a chunk, with an end wherever a document ends."""
    words = [token.text for token in doc]
    for end in reversed(get_chunk(doc).doc_ends):
        words.insert(end, END)
    return words


def text_of(examples):
    return [word for each in examples for word in (*map(str, each.reference), END)]


def read_streams(batches):
    streams = {}
    for batch in batches:
        for example in batch:
            chunk = get_chunk(example.reference)
            if chunk.is_first:
                assert chunk.stream not in streams
            streams.setdefault(chunk.stream, []).append(symbols(example.reference))
    return streams


@pytest.mark.parametrize("lengths", [[30], [7, 0, 0, 12, 1], [1], [0], [2] * 40])
@pytest.mark.parametrize("streams", [1, 3, 8])
@pytest.mark.parametrize("random_length", [False, True])
def test_streams_are_the_text_cut_into_equal_parts(lengths, streams, random_length):
    examples = make_examples(*lengths)
    found = read_streams(create_bptt_batcher_v1(streams, 4, random_length=random_length)(examples))
    joined = [list(chain.from_iterable(found[number])) for number in sorted(found)]
    assert list(chain.from_iterable(joined)) == text_of(examples)
    sizes = [len(words) for words in joined] + [0] * (streams - len(joined))
    assert max(sizes) - min(sizes) <= 1


def test_chunks_are_of_one_length():
    batches = list(create_bptt_batcher_v1(2, 4, random_length=False)(make_examples(9, 9)))
    assert [[len(symbols(each.reference)) for each in batch] for batch in batches] == [
        [4, 4],
        [4, 4],
        [2, 2],
    ]


def test_lengths_vary_and_follow_from_the_seed():
    def sizes(batcher):
        return [len(symbols(batch[0].reference)) for batch in batcher(make_examples(5000))]

    batcher = create_bptt_batcher_v1(1, 100, seed=3)
    first, second = sizes(batcher), sizes(batcher)
    assert first != second
    assert sizes(create_bptt_batcher_v1(1, 100, seed=3)) == first
    assert sizes(create_bptt_batcher_v1(1, 100, seed=4)) != first
    assert max(first) < 130
    assert sum(85 < size < 115 for size in first) > 0.8 * len(first)


def test_no_more_is_held_than_the_buffer():
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield make_examples(10)[0]

    batches = create_bptt_batcher_v1(2, 5, buffer=100)(endless())
    found = [next(batches) for _ in range(20)]
    assert len(taken) == 20  # Two buffers of ten documents, eleven words and ends each.
    assert sum(get_chunk(example.reference).is_first for batch in found for example in batch) == 4


@pytest.mark.parametrize("setting", ["streams", "seq_len", "buffer"])
def test_settings_out_of_bounds(setting):
    with pytest.raises(ValueError, match=f"{setting} is 0"):
        create_bptt_batcher_v1(**{setting: 0})


def test_it_is_registered():
    assert registry.batchers.get("spacy-rnn.BPTTBatcher.v1") is create_bptt_batcher_v1
