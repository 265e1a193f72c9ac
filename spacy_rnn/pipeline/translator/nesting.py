"""How the elements of a text lie in each other, whatever they are."""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

CharRange = tuple[int, int]
"""The first character, and the one after the last."""


class Tag(NamedTuple):
    """A tag, and its place in a text without tags.

    The first tag of an element is its start tag, the second one its end tag. An element with a
    single tag is empty. Elements may cross each other, as those of some formats do.

    position (int): The character before which it stands.
    element (Any): What it is a tag of: a number, a name, anything that can be a key.
    """

    position: int
    element: Any


@dataclass(eq=False)
class Edge:
    """Tags at the same boundary of words, which stay together.

    tags (list[int]): The indices of the tags, in order.
    word (int): The number of words before it.
    span (tuple[int, int] | None): The first word of the element that begins or ends here, and the
        one after its last. None where no word is in it.
    is_end (bool): Whether the element ends here.
    touches (tuple[bool, bool]): Whether there is no space before it, and after it.
    """

    tags: list[int]
    word: int
    span: tuple[int, int] | None = None
    is_end: bool = False
    touches: tuple[bool, bool] = (False, False)


@dataclass(eq=False)
class Unit:
    """An element, or several that cross each other, with what is in it.

    edges (list[Edge]): Where it begins, is crossed, and ends. A unit without words has only one.
    slots (list[list[Unit]]): What is between one edge and the next: units, which may change
        places.
    open (set[Hashable]): The elements that have not ended yet.
    """

    edges: list[Edge]
    slots: list[list["Unit"]] = field(default_factory=list)
    open: set[Hashable] = field(default_factory=set)

    @property
    def start(self) -> int:
        """int: The number of words before it."""
        return self.edges[0].word

    @property
    def end(self) -> int:
        """int: The number of words before its end."""
        return self.edges[-1].word

    @property
    def is_empty(self) -> bool:
        """bool: Whether no word is in it."""
        return not self.slots

    def sequence(self) -> Iterator[Edge]:
        """Go through all edges, also those of units in it, in order.

        YIELDS (Edge): An edge.
        """
        stack: list[Edge | Unit] = [self]
        while stack:
            part = stack.pop()
            if isinstance(part, Edge):
                yield part
                continue
            stack.append(part.edges[-1])
            for edge, slot in zip(part.edges[-2::-1], part.slots[::-1], strict=True):
                stack += [*slot[::-1], edge]

    def units(self) -> Iterator["Unit"]:
        """Go through all units in it, and itself.

        YIELDS (Unit): A unit.
        """
        stack = [self]
        while stack:
            unit = stack.pop()
            yield unit
            for slot in unit.slots:
                stack += slot


def nest(tags: Sequence[Tag], words: Sequence[CharRange]) -> Unit:
    """Find out which elements lie in which.

    Elements around the same words share their edges, with empty elements beside those.

    tags (Sequence[Tag]): The tags, in order.
    words (Sequence[tuple[int, int]]): The characters of each word.
    RETURNS (Unit): The whole text.
    """
    places: dict[Hashable, list[int]] = {}
    for index, tag in enumerate(tags):
        places.setdefault(tag.element, []).append(index)
    ends = [end for _, end in words]
    root = Unit([Edge([], 0)], [[]])
    stack = [root]
    for index, tag in enumerate(tags):
        first, last = places[tag.element][0], places[tag.element][-1]
        span = _find_words(words, ends, tags[first].position, tags[last].position)
        word = bisect_right(ends, tag.position) if span is None else span[index == last]
        touches = (
            word > 0 and tag.position <= ends[word - 1],
            word < len(words) and tag.position >= words[word][0],
        )
        edge = Edge([index], word, span, index == last, touches)
        if first == last:
            stack[-1].slots[-1].append(Unit([edge]))
        elif index == first:
            stack.append(Unit([edge], [[]], {tag.element}))
        else:
            _end(stack, tag.element, edge)
    root.edges.append(Edge([], len(words)))
    _join_edges(root)
    return root


def _find_words(
    words: Sequence[CharRange], ends: Sequence[int], start: int, end: int
) -> tuple[int, int] | None:
    """Find the words that an element has a part in."""
    first = bisect_right(ends, start)
    last = bisect_left(words, (end, 0))
    return (first, last) if first < last and start < end else None


def _end(stack: list[Unit], element: Hashable, edge: Edge) -> None:
    """End an element, and the unit that it is in if that has no other open ones."""
    while element not in stack[-1].open:
        crossing = stack.pop()
        unit = stack[-1]
        unit.edges += crossing.edges
        unit.slots += crossing.slots
        unit.open |= crossing.open
    unit = stack[-1]
    unit.edges.append(edge)
    unit.open.remove(element)
    if unit.open:
        unit.slots.append([])
        return
    stack.pop()
    if all(each.span is None for each in unit.edges):
        # All tags from the first to the last are those of the unit.
        first = unit.edges[0]
        tags = [*range(first.tags[0], edge.tags[-1] + 1)]
        touches = first.touches[0], edge.touches[1]
        unit = Unit([Edge(tags, first.word, touches=touches)])
    else:
        _join_edges(unit)
    stack[-1].slots[-1].append(unit)


def _join_edges(unit: Unit) -> None:
    """Join edges of a unit with those in it that no word divides from them."""
    edges, slots = unit.edges[:1], []
    for slot, after in zip(unit.slots, unit.edges[1:], strict=True):
        before = edges[-1]
        while slot and slot[0].is_empty and slot[0].start == before.word:
            before.tags += slot.pop(0).edges[0].tags
        while slot and slot[-1].is_empty and slot[-1].start == after.word:
            after.tags[:0] = slot.pop().edges[0].tags
        if len(slot) == 1 and (slot[0].start, slot[0].end) == (before.word, after.word):
            (inner,) = slot
            before.tags += inner.edges[0].tags
            after.tags[:0] = inner.edges[-1].tags
            edges += inner.edges[1:-1]
            slots += inner.slots
        else:
            slots.append(slot)
        edges.append(after)
    unit.edges, unit.slots = edges, slots
