"""Random segmentations of text into subwords, which repeat with the state of their generator."""

import math
from bisect import bisect
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

SPACE = "\u2581"
"""How sentencepiece writes a space."""
UNKNOWN_PENALTY = 10.0
"""What sentencepiece takes from the lowest score for a character that is in no piece."""
CACHED_WORDS = 50_000


class Sampler:
    """Draws segmentations as sentencepiece does, by random numbers that can be seeded.

    Those of sentencepiece 0.2.3 differ from process to process whatever its seed is. No piece goes
    on over a space, so that words are segmented one by one.

    processor (SentencePieceProcessor): A vocabulary of BPE or of a unigram model, with pieces for
        all bytes.
    """

    def __init__(self, processor: "SentencePieceProcessor"):
        pieces = range(processor.get_piece_size())
        names = processor.id_to_piece([*pieces])
        self._bytes = {
            int(names[piece][3:5], 16): piece for piece in pieces if processor.is_byte(piece)
        }
        self._scores = {
            names[piece]: (processor.get_score(piece), piece)
            for piece in pieces
            if not (
                processor.is_byte(piece)
                or processor.is_control(piece)
                or processor.is_unknown(piece)
            )
        }
        # Of BPE they are ranks, of a unigram model logarithms of probabilities.
        is_bpe = all(score.is_integer() for score, _ in self._scores.values())
        self._draw = self._merge if is_bpe else self._walk
        self._longest = max(map(len, self._scores), default=0)
        lowest = min((score for score, _ in self._scores.values()), default=0.0)
        self._unknown_score = lowest - UNKNOWN_PENALTY
        self._paths = lru_cache(CACHED_WORDS)(self._find_paths)

    def encode(self, text: str, degree: float, random: Random) -> list[int]:
        """Draw a segmentation of a text.

        text (str): The text.
        degree (float): The smoothing alpha of a unigram vocabulary (Kudo 2018), or the dropout of
            BPE merges (Provilkov et al. 2020).
        random (Random): The source of randomness.
        RETURNS (list[int]): The pieces.
        """
        if not text:
            return []
        # Before a text there is a space.
        words = text.replace(" ", SPACE).split(SPACE)
        return [piece for word in words for piece in self._draw(SPACE + word, degree, random)]

    def _merge(self, word: str, dropout: float, random: Random) -> list[int]:
        """Merge characters, the best pair first, and leave out each merge with a probability."""
        symbols = [*word]
        before = [*range(-1, len(symbols) - 1)]
        after = [*range(1, len(symbols) + 1)]
        # The best score first, of equal ones the leftmost. A pair is named by what it merges to.
        pairs = [
            (-self._scores[pair][0], place, pair)
            for place in range(len(symbols) - 1)
            if (pair := symbols[place] + symbols[place + 1]) in self._scores
        ]
        heapify(pairs)
        while pairs:
            _, place, pair = heappop(pairs)
            following = after[place]
            if (
                not symbols[place]
                or following >= len(symbols)
                or symbols[place] + symbols[following] != pair
            ):
                continue  # One of the two has been merged with another.
            if random.random() < dropout:
                continue
            symbols[place], symbols[following] = pair, ""
            after[place] = after[following]
            if after[place] < len(symbols):
                before[after[place]] = place
            for first in (before[place], place):
                second = after[first] if first >= 0 else len(symbols)
                if second < len(symbols):
                    pair = symbols[first] + symbols[second]
                    if pair in self._scores:
                        heappush(pairs, (-self._scores[pair][0], first, pair))
        return [piece for symbol in symbols if symbol for piece in self._pieces_of(symbol)]

    def _walk(self, word: str, alpha: float, random: Random) -> list[int]:
        """Draw a path through all segmentations of a word, by their probabilities."""
        paths = self._paths(word, alpha)
        pieces: list[int] = []
        place = 0
        while place < len(word):
            bounds, choices = paths[place]
            choice = min(bisect(bounds, random.random() * bounds[-1]), len(choices) - 1)
            following, chosen = choices[choice]
            pieces += chosen
            place = following
        return pieces

    def _find_paths(self, word: str, alpha: float) -> list:
        """Compute for each place of a word how probable it is to go on with which piece.

        RETURNS (list[tuple[list[float], list[tuple[int, list[int]]]]]): For each place the summed
            weights, and where each choice ends and of which pieces it is.
        """
        # The logarithm of the sum of the weights of all segmentations from a place to the end.
        rest = [0.0] * (len(word) + 1)
        paths: list = [None] * len(word)
        for place in reversed(range(len(word))):
            ends = range(place + 1, min(place + self._longest, len(word)) + 1)
            found = [end for end in ends if word[place:end] in self._scores]
            if place + 1 not in found:
                found.insert(0, place + 1)
            logs = [alpha * self._score(word[place:end]) + rest[end] for end in found]
            highest = max(logs)
            bounds = [*accumulate(math.exp(log - highest) for log in logs)]
            rest[place] = highest + math.log(bounds[-1])
            paths[place] = bounds, [(end, self._pieces_of(word[place:end])) for end in found]
        return paths

    def _score(self, symbol: str) -> float:
        return self._scores[symbol][0] if symbol in self._scores else self._unknown_score

    def _pieces_of(self, symbol: str) -> list[int]:
        """Return the piece that a symbol is, or the pieces of its bytes."""
        if symbol in self._scores:
            return [self._scores[symbol][1]]
        return [self._bytes[byte] for byte in symbol.encode("utf8")]
