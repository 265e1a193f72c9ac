"""Documents laid end to end in parallel lanes, for truncated backpropagation through time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from spacy.tokens import Doc
from spacy.training import Example

from ..checks import check_count

LANE = "spacy-rnn.lane"
"""Where `doc.user_data` of what the batcher makes holds its `Lane`, as a tuple."""

LONG_CHUNKS = 0.95
"""The share of chunks that are about as long as set; others are half as long, so that words
stand at other places of their chunks in each pass (Merity et al. 2018, section 5)."""


@dataclass(frozen=True)
class Lane:
    """Where in a stream of documents the words of a chunk come from.

    number (int): The lane.
    begins (bool): Whether the lane begins here, and nothing goes on.
    ends (list[int]): After how many of the chunk's words a document ends.
    """

    number: int
    begins: bool
    ends: list[int]


def create_lane_batcher_v1(
    lanes: int = 20,
    steps: int = 70,
    buffer: int = 1_000_000,
    vary: bool = True,
    seed: int = 0,
) -> Callable[[Iterable[Example]], Iterator[list[Example]]]:
    """Lay documents end to end, cut the row into as many lanes of equal length, and give
    batches of chunks: one of each lane, each going on where the one before ended.

    A batch holds examples that are chunks, not documents: what learns from them is a language
    model. `rnn_lm` carries its state from chunk to chunk of a lane.

    lanes (int): Chunks in a batch.
    steps (int): Words in a chunk, the ends of documents counted as one each.
    buffer (int): Words that are laid end to end at a time: the row of a larger corpus is cut into
        lanes part by part, so that it never has to fit in memory.
    vary (bool): Whether chunks are of varying length: most around `steps`, some around half.
    seed (int): What the lengths follow from, others at each pass.
    RETURNS (Callable): A function from a stream of examples to its batches.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    for name, number in (("lanes", lanes), ("steps", steps), ("buffer", buffer)):
        check_count(name, number, 1)
    passes = count()

    def make_batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
        random = Random(f"{seed} {next(passes)}")
        for docs in _fill_buffer(examples, buffer):
            rows = _cut(docs, lanes)
            longest = max(row.places for row in rows)
            begins = True
            done = 0
            while done < longest:
                size = _draw(steps, random) if vary else steps
                chunks = [row.take(size, begins, number) for number, row in enumerate(rows)]
                yield [chunk for chunk in chunks if chunk is not None]
                begins = False
                done += size

    return make_batches


class _Row:
    """A lane: parts of documents, taken from their beginning on.

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
        chunk.user_data[LANE] = (number, begins, ends)
        return Example(chunk, chunk)


def lane_of(doc: Doc) -> Lane | None:
    """Tell where a chunk comes from.

    doc (Doc): A document.
    RETURNS (Lane | None): Its place in a lane; None for a document that is whole.
    """
    place = doc.user_data.get(LANE)
    return None if place is None else Lane(*place)


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


def _cut(docs: list[Doc], lanes: int) -> list[_Row]:
    """Cut a row of documents into lanes of one length; the first ones perhaps have one more."""
    total = sum(len(doc) + 1 for doc in docs)
    rows = []
    stream = ((doc, 0) for doc in docs)
    doc, start = next(stream)
    for number in range(lanes):
        free = total // lanes + (number < total % lanes)
        parts = []
        while free:
            end = min(len(doc) + 1, start + free)
            parts.append((doc, start, end))
            free -= end - start
            start = end
            if start > len(doc):
                doc, start = next(stream, (doc, start))
        rows.append(_Row(parts))
    return rows


def _draw(steps: int, random: Random) -> int:
    """Draw the length of a chunk (Merity et al. 2018, section 5)."""
    mean = steps if random.random() < LONG_CHUNKS else steps / 2
    return max(min(5, steps), round(random.gauss(mean, min(5, mean / 10))))
