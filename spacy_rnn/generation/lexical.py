"""Lexical constraints: phrases that an output has to have, and phrases that it must not have.

A phrase occurs where the text has it between the bounds of words, however it is segmented into
pieces. Of phrases that overlap, the leftmost occurs, and of those that begin together the longest:
"Square" does not occur in "Red Square" where both are phrases.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

WITHOUT_SPACES = (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF)
"""Thai and Lao, Myanmar, and Khmer, whose words follow each other without spaces. So do those of
the wide characters of East Asia."""

WORD, SPACE, MARK = range(3)
"""Kinds of characters: parts of words, spaces, and others."""
KEY = 3
"""Characters of the beginning of a phrase by which pieces are found."""


class PieceTexts:
    """The texts of the pieces of a vocabulary.

    texts (Sequence[str]): The text of each piece, with spaces as they are. That of a byte is a
        lone surrogate, as of Python's "surrogateescape"; special pieces have none.

    ends_word (list[bool]): Whether each piece is the end of a word before it.
    """

    def __init__(self, texts: Sequence[str]):
        self.texts = texts
        self.ends_word = [not stays_in_word(text[:1] or " ", True) for text in texts]
        self._spaces = {piece for piece, text in enumerate(texts) if text.endswith(" ")}
        self._beginnings: dict[str, set[int]] = {}
        for piece, text in enumerate(texts):
            for index, (before, character) in enumerate(pairwise(" " + text)):
                if not (stays_in_word(before, False) and stays_in_word(character, True)):
                    beginning = text[index : index + KEY]
                    self._beginnings.setdefault(beginning, set()).add(piece)

    def find_beginning(self, phrases: Iterable[str]) -> set[int]:
        """Find the pieces within which phrases may begin.

        phrases (Iterable[str]): The phrases.
        RETURNS (set[int]): Each piece whose end, or a part, is the beginning of one of them, or of
            the space before it.
        """
        found = set(self._spaces)
        for phrase in phrases:
            if len(phrase) < KEY:
                beginnings = [each for each in self._beginnings if each.startswith(phrase)]
            else:
                beginnings = [phrase[:KEY]]
            # The beginnings of phrases at the ends of pieces are shorter.
            beginnings += [phrase[:length] for length in range(1, min(KEY, len(phrase)))]
            found.update(*(self._beginnings.get(each, ()) for each in beginnings))
        return found


class Phrase(NamedTuple):
    """A phrase, as pieces of a vocabulary write it.

    text (str): Its text, without white space at its ends.
    spellings (tuple[tuple[int, ...], ...]): The pieces that write it: after a space, or right
        after a character that is part of no word.
    """

    text: str
    spellings: tuple[tuple[int, ...], ...]


class Term(NamedTuple):
    """What has to occur once.

    forms (tuple[Phrase, ...]): Phrases, any of which may.
    positions (tuple[int, ...]): The source positions that it stands for. None if it stands for no
        particular ones.
    """

    forms: tuple[Phrase, ...]
    positions: tuple[int, ...] = ()


class State:
    """The text written so far, as far as it matters: a state of the automaton.

    counts (tuple[int, ...]): How often each phrase has occurred.
    before (int): The last character before `open`: `WORD`, `SPACE` or `MARK`, which is anything
        else, or nothing.
    open (str): The end of the text, which may yet be, or become, a phrase.

    ended (tuple[int, ...]): The counts if the text ends here.
    begun (int | None): The phrase of a term that may have begun, or occurred, with `open`.
    missing (int): How many pieces are needed at least before the text may end.
    breaks (bool): Whether a phrase has occurred too often if the text ends here.
    may_end (bool): Whether each term has occurred, and nothing too often, if the text ends here.
    is_open (bool): Whether it matters which piece comes next, even if no phrase begins within it.
    closes (bool): Whether a phrase has occurred too often if a word ends here.
    """

    __slots__ = (
        "before",
        "begun",
        "breaks",
        "closes",
        "continuations",
        "counts",
        "ended",
        "is_open",
        "may_end",
        "missing",
        "open",
    )

    def __init__(self, counts: tuple[int, ...], before: int, open: str):
        self.counts = counts
        self.before = before
        self.open = open
        self.ended = counts
        self.begun: int | None = None
        self.missing = 0
        self.breaks = self.is_open = self.may_end = self.closes = False
        self.continuations: tuple[int, ...] | None = None


class Transition(NamedTuple):
    """A piece that is read.

    state (State): The state after it.
    breaks (bool): Whether a phrase has occurred too often, which is not counted.
    begins (bool): Whether what is open, or has occurred, begins within the piece.
    gained (tuple[int, ...]): The phrases that have occurred, and are not open any more.
    """

    state: State
    breaks: bool
    begins: bool
    gained: tuple[int, ...]


class LexicalConstraints:
    """The lexical constraints of one output, as an automaton that reads its pieces.

    Each term has to occur once, in any of its forms. So a phrase occurs as often as there are
    terms for it, and no more; a phrase that is banned never does.

    terms (Sequence[Term]): The terms. Two with equal forms have to occur twice.
    banned (Sequence[Phrase]): Phrases that must not occur.
    piece_texts (PieceTexts): The texts of the vocabulary.

    initial (State): The state before the first piece.
    beginning (set[int]): The pieces within which a phrase may begin. No other one matters unless
        something is open.
    positions (list[tuple[int, ...]]): For each phrase the source positions that it stands for.
    """

    def __init__(self, terms: Sequence[Term], banned: Sequence[Phrase], piece_texts: PieceTexts):
        # In the order of the first occurrence, the same in each process.
        forms = [form for term in terms for form in term.forms]
        self._phrases = [*dict.fromkeys([*forms, *banned])]
        kinds = [frozenset(map(self._phrases.index, term.forms)) for term in terms]
        self._kinds = [*dict.fromkeys(kinds)]
        self._asked = tuple(kinds.count(kind) for kind in self._kinds)
        self.positions = [
            tuple({place for term in terms if phrase in term.forms for place in term.positions})
            for phrase in self._phrases
        ]
        # Those that begin with a character, the longest first.
        self._by_first: dict[str, list[int]] = {}
        by_length = sorted(range(len(self._phrases)), key=lambda i: -len(self._phrases[i].text))
        for index in by_length:
            self._by_first.setdefault(self._phrases[index].text[0], []).append(index)
        self.beginning = piece_texts.find_beginning(each.text for each in self._phrases)
        self._end_words = [stays_in_word(_decode(each.text)[-1], True) for each in self._phrases]
        self._begin_words = [stays_in_word(each.text[0], True) for each in self._phrases]
        self.piece_texts = piece_texts
        self._texts = piece_texts.texts
        self._rests = [self._find_rests(phrase) for phrase in self._phrases]
        self._costs: dict[tuple[int, ...], int | None] = {}
        # Here and not in the states, which would refer to each other in circles: those are freed
        # late, and until then each search for circles takes longer.
        self._transitions: dict[State, dict[int, Transition]] = {}
        self._states: dict[tuple[tuple[int, ...], int, str], State] = {}
        self.initial = self._reach((0,) * len(self._phrases), MARK, "")

    def _find_rests(self, phrase: Phrase) -> dict[int, tuple[int, ...]]:
        """Find for each number of characters of a phrase the pieces that write the rest."""
        rests: dict[int, tuple[int, ...]] = {len(phrase.text): ()}
        for pieces in phrase.spellings:
            left = len(phrase.text)
            for index in reversed(range(1, len(pieces))):
                left -= len(self._texts[pieces[index]])
                known = rests.get(left)
                if known is None or len(pieces) - index < len(known):
                    rests[left] = pieces[index:]
        return rests

    def advance(self, state: State, piece: int) -> Transition:
        """Read a piece.

        state (State): The state before it.
        piece (int): The piece.
        RETURNS (Transition): The state after it, and what has changed.
        """
        transitions = self._transitions[state]
        known = transitions.get(piece)
        if known is None:
            known = transitions[piece] = self._advance(state, piece)
        return known

    def accepts(self, pieces: Iterable[int]) -> bool:
        """Whether a text keeps the constraints.

        pieces (Iterable[int]): Its pieces.
        RETURNS (bool): Whether each term has occurred, and nothing too often.
        """
        state = self.initial
        for piece in pieces:
            read = self.advance(state, piece)
            if read.breaks:
                return False
            state = read.state
        return state.may_end

    def skip(self, state: State, piece: int) -> State:
        """Read a piece that does not matter: no phrase begins within it, and nothing is open.

        state (State): The state before it.
        piece (int): The piece.
        RETURNS (State): The state after it.
        """
        return self._reach(state.counts, _read_to(state.before, self._texts[piece]), "")

    def find_continuations(self, state: State) -> tuple[int, ...]:
        """Find the pieces that begin a term that has not occurred yet, or go on with one.

        state (State): The state.
        RETURNS (tuple[int, ...]): The pieces.
        """
        if state.continuations is None:
            state.continuations = self._continue(state)
        return state.continuations

    def _advance(self, state: State, piece: int) -> Transition:
        text = self._texts[piece]
        if self._goes_on(state, text) or piece in self.beginning:
            counts, last, open_text, breaks = self._read(
                state.counts, state.before, state.open + text
            )
        else:  # What is open is decided, and nothing else begins.
            ends_word = self.piece_texts.ends_word[piece]
            counts, breaks = (state.ended, state.breaks) if ends_word else (state.counts, False)
            last, open_text = _read_to(WORD if state.open else state.before, text), ""
        reached = self._reach(counts, last, open_text)
        gained = tuple(
            index
            for index, count in enumerate(counts)
            if count > state.counts[index] and index != state.begun
        )
        return Transition(
            reached,
            breaks,
            begins=len(open_text) <= len(text) if open_text else not state.open,
            gained=gained,
        )

    def _goes_on(self, state: State, text: str) -> bool:
        """Whether a piece may go on with what is open, or with a part of it."""
        if not state.open.isalnum():
            return bool(state.open)
        begun = state.open + text[:1]
        return any(
            self._phrases[index].text.startswith(begun)
            for index in self._by_first.get(begun[0], ())
        )

    def _continue(self, state: State) -> tuple[int, ...]:
        found: dict[int, None] = {}
        for index, rest in self._find_begun(state):
            if rest and self._cost(_count(state.counts, index)) is not None:
                found[rest[0]] = None
        in_word = _read_to(state.before, state.open) == WORD
        for index, phrase in enumerate(self._phrases):
            if self._cost(_count(state.ended, index)) is None:
                continue
            for pieces in phrase.spellings:
                has_space = self._texts[pieces[0]].startswith(" ")
                if has_space or not (in_word and self._begin_words[index]):
                    found[pieces[0]] = None
        return tuple(piece for piece in found if not self.advance(state, piece).breaks)

    def _reach(self, counts: tuple[int, ...], before: int, open_text: str) -> State:
        key = counts, before, open_text
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = State(*key)
            self._transitions[state] = {}
            state.ended, state.breaks = self._end(*key)
            state.missing = self._count_missing(state)
            state.is_open = bool(open_text) or before == SPACE
            state.may_end = not state.breaks and self._cost(state.ended) == 0
            state.closes = state.breaks and not self._is_begun(open_text)
        return state

    def _count_missing(self, state: State) -> int:
        """Count the pieces that are missing, and find the phrase that has begun."""
        ended = None if state.breaks else self._cost(state.ended)
        ways: list[tuple[int, int]] = []
        for index, rest in self._find_begun(state):
            cost = self._cost(_count(state.counts, index))
            if cost is not None:
                ways.append((cost + len(rest), index))
        if ways and state.open:
            _, state.begun = min(ways)
        costs = [cost for cost, _ in ways]
        if ended is not None:
            costs.append(ended)
        if not costs:  # A word that is a phrase too many has to go on, by any letter.
            longer, _ = self._end(state.counts, state.before, state.open + "a")
            return 1 + (self._cost(longer) or 0)
        return min(costs)

    def _find_begun(self, state: State) -> list[tuple[int, tuple[int, ...]]]:
        """Find the phrases that the text is in the middle of, and the pieces of their rest."""
        if not state.open:  # After the space that is a piece of its own.
            begun = [(index, rests[0]) for index, rests in enumerate(self._rests) if 0 in rests]
            return begun if state.before == SPACE else []
        length = len(state.open)
        return [
            (index, self._rests[index][length])
            for index in self._by_first.get(state.open[0], ())
            if self._phrases[index].text.startswith(state.open) and length in self._rests[index]
        ]

    def _is_begun(self, text: str) -> bool:
        """Whether there is a phrase that begins with a text, and is longer."""
        return any(
            len(self._phrases[index].text) > len(text)
            and self._phrases[index].text.startswith(text)
            for index in self._by_first.get(text[:1], ())
        )

    def _end(
        self, counts: tuple[int, ...], before: int, open_text: str
    ) -> tuple[tuple[int, ...], bool]:
        """Return the counts if the text ended here, and whether a phrase is one too many."""
        if not open_text:
            return counts, False
        counts, _, _, breaks = self._read(counts, before, open_text, has_ended=True)
        return counts, breaks

    def _read(
        self, counts: tuple[int, ...], before: int, text: str, has_ended: bool = False
    ) -> tuple[tuple[int, ...], int, str, bool]:
        """Count the phrases of a text, up to its end or to where that is open.

        RETURNS (tuple[tuple[int, ...], int, str, bool]): The counts, the last character that was
            read, the text that is open, and whether a phrase was one too many.
        """
        breaks = False
        position = 0
        while position < len(text):
            length = 1
            if not (before == WORD and stays_in_word(text[position], True)):
                rest = text[position:]
                if not has_ended and self._is_begun(rest):
                    break
                for index in self._by_first.get(rest[0], ()):
                    phrase = self._phrases[index].text
                    if not rest.startswith(phrase):
                        continue
                    if len(phrase) == len(rest):
                        if not has_ended and self._end_words[index]:
                            return counts, before, rest, breaks
                    elif self._end_words[index] and stays_in_word(rest[len(phrase)], True):
                        continue
                    counted = _count(counts, index)
                    if self._cost(counted) is None:
                        breaks = True
                    else:
                        counts = counted
                    length = len(phrase)
                    break
            before = _read_to(before, text[position : position + length])
            position += length
        return counts, before, text[position:], breaks

    def _cost(self, counts: tuple[int, ...]) -> int | None:
        """Return the pieces of all terms that have not occurred; None if a phrase is too many."""
        if counts not in self._costs:
            occurred = [index for index, count in enumerate(counts) for _ in range(count)]
            self._costs[counts] = self._assign(occurred, self._asked)
        return self._costs[counts]

    def _assign(self, occurred: list[int], asked: tuple[int, ...]) -> int | None:
        """Assign occurrences to terms, so that the others need as few pieces as possible."""
        if not occurred:
            return sum(
                number * min(min(map(len, self._phrases[index].spellings)) for index in kind)
                for number, kind in zip(asked, self._kinds, strict=True)
            )
        costs = [
            self._assign(occurred[1:], (*asked[:place], number - 1, *asked[place + 1 :]))
            for place, number in enumerate(asked)
            if number and occurred[0] in self._kinds[place]
        ]
        return min((cost for cost in costs if cost is not None), default=None)


def _count(counts: tuple[int, ...], index: int) -> tuple[int, ...]:
    return (*counts[:index], counts[index] + 1, *counts[index + 1 :])


def _decode(text: str) -> str:
    return text.encode("utf8", errors="surrogateescape").decode("utf8", errors="replace")


def _read_to(before: int, text: str) -> int:
    """Return what the last character of a text is, `before` if there is none."""
    for character in text:
        if character == " ":
            before = SPACE
        else:
            before = WORD if stays_in_word(character, before == WORD) else MARK
    return before


def stays_in_word(character: str, in_word: bool) -> bool:
    """Whether a text is within a word after one more character.

    character (str): The character, or a byte of one as a lone surrogate.
    in_word (bool): Whether it was before.
    RETURNS (bool): Whether it is. The first byte of a character decides for all of them.
    """
    byte = ord(character) - 0xDC00
    if 0x80 <= byte < 0xC0:
        return in_word
    if 0xC0 <= byte <= 0xFF:  # Letters of alphabets, and not marks, ideographs or pictographs.
        return 0xC3 <= byte <= 0xE1
    return _is_of_word(character)


@lru_cache(maxsize=2**16)
def _is_of_word(character: str) -> bool:
    """Whether a character is part of a word, in a script that has spaces between words."""
    if unicodedata.category(character)[0] not in "LMN" and character != "_":
        return False
    code = ord(character)
    is_wide = unicodedata.east_asian_width(character) in "WF"
    return not (is_wide or any(first <= code <= last for first, last in WITHOUT_SPACES))
