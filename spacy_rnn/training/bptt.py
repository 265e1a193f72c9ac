"""Parallel streams of text for truncated backpropagation through time (BPTT)."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from spacy.tokens import Doc
from spacy.training import Example

from ..checks import check_count

CHUNK = "spacy-rnn.chunk"
"""The key in `doc.user_data` under which the batcher stores a `Chunk`, as a tuple."""

FULL_LENGTH = 0.95
"""The probability of a chunk of about `seq_len` words. Others are half as long, so that words have
other positions in their chunks in each epoch (Merity et al. 2018, section 5)."""


@dataclass(frozen=True)
class Chunk:
    """The position of a chunk in a stream of documents.

    stream (int): The number of the stream.
    is_first (bool): Whether the stream begins with this chunk, so that no state is carried over.
    doc_ends (list[int]): The numbers of words in the chunk after which a document ends.
    """

    stream: int
    is_first: bool
    doc_ends: list[int]


def create_bptt_batcher_v1(
    streams: int = 20,
    seq_len: int = 70,
    buffer: int = 1_000_000,
    random_length: bool = True,
    seed: int = 0,
) -> Callable[[Iterable[Example]], Iterator[list[Example]]]:
    """Concatenate documents, split the result into streams, and yield batches of their chunks.

    The streams are of equal length. A batch has a chunk of each, which continues the chunk of the
    stream in the batch before.

    The examples of a batch are chunks, not documents, for training a language model. `rnn_lm`
    carries its state from chunk to chunk of a stream.

    streams (int): The number of parallel streams, which is the number of chunks in a batch.
    seq_len (int): The length of a chunk in words, the ends of documents included.
    buffer (int): The number of words that are concatenated at a time. A larger corpus is split
        into streams part by part, so that it never has to fit in memory.
    random_length (bool): Whether the length of chunks varies: mostly around `seq_len`, sometimes
        around half of it.
    seed (int): The seed of the lengths, which differ in each epoch.
    RETURNS (Callable): A function from a stream of examples to its batches.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    for name, number in (("streams", streams), ("seq_len", seq_len), ("buffer", buffer)):
        check_count(name, number, 1)
    epochs = count()

    def make_batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
        random = Random(f"{seed} {next(epochs)}")
        for docs in _fill_buffer(examples, buffer):
            parallel = _split(docs, streams)
            remaining = max(stream.length for stream in parallel)
            is_first = True
            while remaining > 0:
                size = _draw_length(seq_len, random) if random_length else seq_len
                yield [stream.next_chunk(size, is_first) for stream in parallel if stream.parts]
                is_first = False
                remaining -= size

    return make_batches


class _Stream:
    """Consecutive parts of documents, from which chunks are taken.

    Positions in a document count its words and its end.

    number (int): The number of the stream.
    parts (Iterable[tuple[Doc, int, int]]): Documents, each with the first position of its part and
        the one after the last.
    """

    def __init__(self, number: int, parts: Iterable[tuple[Doc, int, int]]):
        self.number = number
        self.parts = deque(parts)
        self.length = sum(end - start for _, start, end in self.parts)

    def next_chunk(self, size: int, is_first: bool) -> Example:
        """Take the next chunk: `size` positions, or all that remain."""
        vocab = self.parts[0][0].vocab
        words: list[str] = []
        spaces: list[bool] = []
        doc_ends: list[int] = []
        while size and self.parts:
            doc, start, end = self.parts.popleft()
            stop = min(end, start + size)
            for token in doc[start : min(stop, len(doc))]:
                words.append(token.text)
                spaces.append(bool(token.whitespace_))
            if stop > len(doc):
                doc_ends.append(len(words))
            if stop < end:
                self.parts.appendleft((doc, stop, end))
            size -= stop - start
        chunk = Doc(vocab, words=words, spaces=spaces)
        chunk.user_data[CHUNK] = (self.number, is_first, doc_ends)
        return Example(chunk, chunk)


def get_chunk(doc: Doc) -> Chunk | None:
    """Return the position of a chunk in its stream.

    doc (Doc): A document.
    RETURNS (Chunk | None): The position; None for a document that is not a chunk.
    """
    stored = doc.user_data.get(CHUNK)
    return None if stored is None else Chunk(*stored)


def _fill_buffer(examples: Iterable[Example], buffer: int) -> Iterator[list[Doc]]:
    """Group the documents of examples into buffers of so many words and ends."""
    docs: list[Doc] = []
    length = 0
    for example in examples:
        docs.append(example.reference)
        length += len(example.reference) + 1
        if length >= buffer:
            yield docs
            docs, length = [], 0
    if docs:
        yield docs


def _split(docs: list[Doc], n_streams: int) -> list[_Stream]:
    """Split concatenated documents into streams of one length; the first may have one more."""
    total = sum(len(doc) + 1 for doc in docs)
    streams = []
    following = ((doc, 0) for doc in docs)
    doc, start = next(following)
    for number in range(n_streams):
        missing = total // n_streams + (number < total % n_streams)
        parts = []
        while missing:
            end = min(len(doc) + 1, start + missing)
            parts.append((doc, start, end))
            missing -= end - start
            start = end
            if start > len(doc):
                doc, start = next(following, (doc, start))
        streams.append(_Stream(number, parts))
    return streams


def _draw_length(seq_len: int, random: Random) -> int:
    """Draw the length of a chunk (Merity et al. 2018, section 5)."""
    mean = seq_len if random.random() < FULL_LENGTH else seq_len / 2
    return max(min(5, seq_len), round(random.gauss(mean, min(5, mean / 10))))
