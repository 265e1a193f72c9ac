"""Documents laid end to end in parallel streams, for truncated backpropagation through time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from spacy.tokens import Doc
from spacy.training import Example

from ..checks import check_count

CHUNK = "spacy-rnn.stream"
"""Where `doc.user_data` of what the batcher makes holds its `Chunk`, as a tuple."""

LONG_CHUNKS = 0.95
"""The share of chunks that are about as long as set; others are half as long, so that words
stand at other places of their chunks in each pass (Merity et al. 2018, section 5)."""


@dataclass(frozen=True)
class Chunk:
    """Where in a stream of documents the words of a chunk come from.

    number (int): The stream.
    begins (bool): Whether the stream begins here, and nothing goes on.
    ends (list[int]): After how many of the chunk's words a document ends.
    """

    number: int
    begins: bool
    ends: list[int]


def create_bptt_batcher_v1(
    streams: int = 20,
    seq_len: int = 70,
    buffer: int = 1_000_000,
    random_length: bool = True,
    seed: int = 0,
) -> Callable[[Iterable[Example]], Iterator[list[Example]]]:
    """Lay documents end to end, cut the row into as many streams of equal length, and give
    batches of chunks: one of each stream, each going on where the one before ended.

    A batch holds examples that are chunks, not documents: what learns from them is a language
    model. `rnn_lm` carries its state from chunk to chunk of a stream.

    streams (int): Chunks in a batch.
    seq_len (int): Words in a chunk, the ends of documents counted as one each.
    buffer (int): Words that are laid end to end at a time: the row of a larger corpus is cut into
        streams part by part, so that it never has to fit in memory.
    random_length (bool): Whether chunks are of varying length: most around `seq_len`, some
        around half.
    seed (int): What the lengths follow from, others at each pass.
    RETURNS (Callable): A function from a stream of examples to its batches.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    for name, number in (("streams", streams), ("seq_len", seq_len), ("buffer", buffer)):
        check_count(name, number, 1)
    passes = count()

    def make_batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
        random = Random(f"{seed} {next(passes)}")
        for docs in _fill_buffer(examples, buffer):
            rows = _cut(docs, streams)
            longest = max(row.places for row in rows)
            begins = True
            done = 0
            while done < longest:
                size = _draw(seq_len, random) if random_length else seq_len
                chunks = [row.take(size, begins, number) for number, row in enumerate(rows)]
                yield [chunk for chunk in chunks if chunk is not None]
                begins = False
                done += size

    return make_batches


class _Row:
    """A stream: parts of documents, taken from their beginning on.

    parts (list[tuple[Doc, int, int]]): Documents, each with its first place and the place after
        the last; a document has a place for each word and one for its end.
    """

    def __init__(self, parts: list[tuple[Doc, int, int]]):
        self.parts = parts
        self.places = sum(end - start for _, start, end in parts)

    def take(self, size: int, begins: bool, number: int) -> Example | None:
        """Take the next chunk, if there is any."""
        words: list[str] = []
        spaces: list[bool] = []
        ends: list[int] = []
        vocab = self.parts[0][0].vocab if self.parts else None
        while size and self.parts:
            doc, start, end = self.parts[0]
            stop = min(end, start + size)
            for token in doc[start : min(stop, len(doc))]:
                words.append(token.text)
                spaces.append(bool(token.whitespace_))
            if stop > len(doc):
                ends.append(len(words))
            self.parts[:1] = [(doc, stop, end)] if stop < end else []
            size -= stop - start
        if vocab is None:
            return None
        chunk = Doc(vocab, words=words, spaces=spaces)
        chunk.user_data[CHUNK] = (number, begins, ends)
        return Example(chunk, chunk)


def chunk_of(doc: Doc) -> Chunk | None:
    """Tell where a chunk comes from.

    doc (Doc): A document.
    RETURNS (Chunk | None): Its place in a stream; None for a document that is whole.
    """
    place = doc.user_data.get(CHUNK)
    return None if place is None else Chunk(*place)


def _fill_buffer(examples: Iterable[Example], buffer: int) -> Iterator[list[Doc]]:
    docs: list[Doc] = []
    places = 0
    for example in examples:
        docs.append(example.reference)
        places += len(example.reference) + 1
        if places >= buffer:
            yield docs
            docs, places = [], 0
    if docs:
        yield docs


def _cut(docs: list[Doc], streams: int) -> list[_Row]:
    """Cut a row of documents into streams of one length; the first ones perhaps have one more."""
    total = sum(len(doc) + 1 for doc in docs)
    rows = []
    remaining = ((doc, 0) for doc in docs)
    doc, start = next(remaining)
    for number in range(streams):
        free = total // streams + (number < total % streams)
        parts = []
        while free:
            end = min(len(doc) + 1, start + free)
            parts.append((doc, start, end))
            free -= end - start
            start = end
            if start > len(doc):
                doc, start = next(remaining, (doc, start))
        rows.append(_Row(parts))
    return rows


def _draw(seq_len: int, random: Random) -> int:
    """Draw the length of a chunk (Merity et al. 2018, section 5)."""
    mean = seq_len if random.random() < LONG_CHUNKS else seq_len / 2
    return max(min(5, seq_len), round(random.gauss(mean, min(5, mean / 10))))
