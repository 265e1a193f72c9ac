"""Where the elements of a text go in its translation."""

from itertools import islice, pairwise, permutations

import numpy as np

from .links import Links
from .nesting import Edge, Unit
from .projection import find_stretch

MAX_ORDERS = 24
"""So many orders of units that vie for the same words are compared: all of those of four."""
NEVER = -1e9
# Where no word has most of its weight from an element, those belong to it that have this share of
# the highest weight.
LEAST = 0.9
# A word that speaks for nothing is no part of an element.
TIE = 1e-6
# An empty element belongs to the word that it touches, more than to the one after a space.
SPACED = 0.1
# How much it counts, beside its neighbours, that an empty element divides words as in the source.
ORDER = 0.01
# An element whose words are all left out is placed by its neighbours, where that costs no other.
LOST = 0.001


def place(text: Unit, links: Links) -> list[int]:
    """Choose the places of all edges that most weight of the alignment speaks for.

    For an element counts the weight of the links from its words into it, less that of all others.
    For one without words counts the weight of its neighbours. Units keep what is in them, and may
    change places with those beside them.

    Given an order of the edges, dynamic programming finds the best places: the weights in an
    element are the difference of two running sums, so each edge has scores of its own. The order
    is that of the places which units would have alone. It is the best one if they can have these;
    of units that vie for the same words, `MAX_ORDERS` orders are compared.

    text (Unit): The text. Its units are put in order.
    links (Links): The alignment of its words.
    RETURNS (list[int]): For each edge in order the number of words of the translation before it.
    """
    scores = Scores(links, text.end)
    slots = [slot for unit in text.units() for slot in unit.slots if len(slot) > 1]
    contested = [(slot, *indices) for slot in slots for indices in _sort(slot, scores)]
    best, places = _place_in_order(text, scores)
    for slot, first, last in contested:
        units = slot[first:last]
        for order in islice(permutations(units), 1, MAX_ORDERS):
            slot[first:last] = order
            value, found = _place_in_order(text, scores)
            if value > best + TIE:
                best, places, units = value, found, [*order]
        slot[first:last] = units
    return places


class Scores:
    """How good places are: a number for each boundary of words, from 0 to the last.

    links (Links): The alignment of words.
    number (int): The words of the source.
    """

    def __init__(self, links: Links, number: int):
        self.links = links
        self.total = self.weights(0, number)
        self._gains: dict[tuple[int, int], np.ndarray] = {}
        self._edges: dict[Edge, np.ndarray] = {}

    def weights(self, start: int, end: int) -> np.ndarray:
        """Return the weight of links from words of the source.

        start (int): The first word.
        end (int): The word after the last.
        RETURNS (np.ndarray): A number for each word of the translation.
        """
        targets, sources, weights, number = self.links
        inside = (sources >= start) & (sources < end)
        return np.bincount(targets, weights * inside, number)

    def gains(self, start: int, end: int) -> np.ndarray:
        """Return what speaks for each word being in an element.

        start (int): The first word of the element.
        end (int): The word after its last.
        RETURNS (np.ndarray): A number for each word of the translation. At least one is above 0,
            if any has a link into the element.
        """
        if (start, end) not in self._gains:
            weights = self.weights(start, end)
            gains = 2 * weights - self.total
            if gains.max(initial=0.0) <= TIE:
                gains = weights - LEAST * weights.max(initial=0.0)
            self._gains[start, end] = gains - TIE
        return self._gains[start, end]

    def edge(self, edge: Edge) -> np.ndarray:
        """Return how good each place of an edge is.

        edge (Edge): The edge.
        RETURNS (np.ndarray): The scores.
        """
        if edge not in self._edges:
            self._edges[edge] = self._score(edge)
        return self._edges[edge]

    def best(self, unit: Unit) -> tuple[int, int]:
        """Return where a unit would be if there was nothing else.

        unit (Unit): The unit.
        RETURNS (tuple[int, int]): The words of the translation before its start, and its end.
        """
        start, end, _ = find_stretch(self.gains(unit.start, unit.end))
        if start == end:
            start = end = int(self.edge(unit.edges[0]).argmax())
        return start, end

    def _score(self, edge: Edge) -> np.ndarray:
        if edge.span is None:
            return self._between(edge.word, edge.word, edge.touches)
        gains = self.gains(*edge.span)
        scores = _sum_up(gains)
        if not edge.is_end:
            scores *= -1
        if gains.max(initial=0.0) <= 0:
            scores += LOST * self._between(*edge.span, (True, True))
        return scores

    def _between(self, start: int, end: int, touches: tuple[bool, bool]) -> np.ndarray:
        """Return how good boundaries are, as places between two words of the source."""
        shares = [1.0 if here >= there else SPACED for here, there in (touches, touches[::-1])]
        scores = ORDER * _sum_up(2 * self.weights(0, start) - self.total)
        scores[1:] += shares[0] * self.weights(start - 1, start)
        scores[:-1] += shares[1] * self.weights(end, end + 1)
        return scores


def _sum_up(numbers: np.ndarray) -> np.ndarray:
    """Return the sum of all numbers before each place."""
    sums = np.zeros(len(numbers) + 1)
    numbers.cumsum(out=sums[1:])
    return sums


def _sort(slot: list[Unit], scores: Scores) -> list[tuple[int, int]]:
    """Sort units by their best places.

    RETURNS (list[tuple[int, int]]): Units that vie for the same words: the index of the first one,
        and the one after the last.
    """
    places = {unit: scores.best(unit) for unit in slot}
    slot.sort(key=lambda unit: sum(places[unit]))
    firsts, reach = [], 0
    for index, unit in enumerate(slot):
        start, end = places[unit]
        if start >= reach:
            firsts.append(index)
        reach = max(reach, end)
    ranges = pairwise([*firsts, len(slot)])
    return [(first, last) for first, last in ranges if last - first > 1]


def _place_in_order(text: Unit, scores: Scores) -> tuple[float, list[int]]:
    """Find the best places for an order of edges: none is before the one that it follows."""
    edges = list(text.sequence())
    best = np.empty((len(edges), len(scores.total) + 1))
    best[0, 0], best[0, 1:] = 0.0, NEVER
    for index, edge in enumerate(edges[1:-1], 1):
        np.maximum.accumulate(best[index - 1], out=best[index])
        best[index] += scores.edge(edge)
    place = len(scores.total)
    places = [place]
    for row in best[-2::-1]:
        place = int(row[: place + 1].argmax())
        places.append(place)
    return float(best[-2].max()), places[::-1]
