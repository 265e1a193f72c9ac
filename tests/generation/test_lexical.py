"""Lexical constraints, against regular expressions and against trying everything."""

import itertools
import re

import pytest
import torch
from tables import END, START, Table, all_sequences, make_constraints

from spacy_rnn.generation.beam import beam_search
from spacy_rnn.generation.lexical import LexicalConstraints, Phrase, PieceTexts, Term
from spacy_rnn.generation.scoring import Ranking
from spacy_rnn.generation.search import BeamSearch, GreedySearch, SamplingSearch

TEXTS = ["", "", " a", "b", " b", ".", "a"]
PIECE_TEXTS = PieceTexts(TEXTS)
LONGEST = 4
BY_SUM = Ranking("none")
SEQUENCES = all_sequences(LONGEST, least=0, pieces=len(TEXTS))
CASES = {
    "nothing": ([], []),
    "a word": ([["b"]], []),
    "a word of two pieces": ([["ab"]], []),
    "a phrase": ([["a b"]], []),
    "a word twice": ([["a"], ["a"]], []),
    "a phrase that contains a banned word": ([["a b"]], ["b"]),
    "forms": ([["ab", "b"]], []),
    "forms that three terms share": ([["a", "b"], ["b", "."], ["a", "."]], []),
    "a mark": ([["."]], []),
    "a mark within": ([["a.b"]], []),
    "banned words": ([], ["a", "ba"]),
}
# Once a phrase is complete, going on with a term may write it again.
ENTANGLED = {
    "a phrase that contains a term": ([["a b"], ["b"]], []),
    "forms that two terms share": ([["a", "b"], ["b", "ab"]], []),
    "a term and a banned phrase": ([["a"]], ["a b", "a a"]),
    "a phrase that repeats itself": ([["a a b"], ["a"]], []),
}
ALL_CASES = CASES | ENTANGLED


def spell(text):
    """Spell a text in the fewest pieces, after a space and without one."""
    spellings = []
    for wanted in (" " + text, text):
        found = [pieces for pieces in SEQUENCES if "".join(TEXTS[p] for p in pieces) == wanted]
        spellings.extend(found[:1])
    return Phrase(text, tuple(spellings))


def constrain(terms, banned):
    asked = [Term(tuple(map(spell, forms))) for forms in terms]
    return LexicalConstraints(asked, [spell(phrase) for phrase in banned], PIECE_TEXTS)


def bounded(phrase):
    before = r"(?<!\w)" if phrase[0].isalnum() else ""
    after = r"(?!\w)" if phrase[-1].isalnum() else ""
    return before + re.escape(phrase) + after


def is_kept(pieces, terms, banned):
    """Say in another way whether a text keeps its constraints."""
    text = "".join(TEXTS[piece] for piece in pieces)
    phrases = sorted({*itertools.chain(*terms), *banned}, key=len, reverse=True)
    found = re.findall("|".join(map(bounded, phrases)), text) if phrases else []
    return len(found) == len(terms) and any(
        all(phrase in forms for phrase, forms in zip(found, order, strict=True))
        for order in itertools.permutations(terms)
    )


def search(table, sentences, lexical, width, ranking=BY_SUM, longest=LONGEST, **others):
    lengths = torch.full((len(sentences),), 3)
    constraints = make_constraints(max_extra=longest, min_length=0)
    state = table.begin(sentences)
    return beam_search(
        table.step, state, lengths, constraints, ranking, width, lexical=lexical, **others
    )


def read(lexical, pieces):
    state, broken = lexical.initial, False
    for piece in pieces:
        read = lexical.advance(state, piece)
        state, broken = read.state, broken or read.breaks
    return state, broken


@pytest.mark.parametrize(("terms", "banned"), ALL_CASES.values(), ids=ALL_CASES)
def test_texts_that_keep_their_constraints(terms, banned):
    lexical = constrain(terms, banned)
    kept = [pieces for pieces in SEQUENCES if is_kept(pieces, terms, banned)]
    assert kept
    assert len(kept) < len(SEQUENCES) or not (terms or banned)
    for pieces in SEQUENCES:
        state, broken = read(lexical, pieces)
        assert (not broken and state.may_end) == (pieces in kept)


@pytest.mark.parametrize(("terms", "banned"), CASES.values(), ids=CASES)
def test_going_on_with_terms_meets_them_in_the_pieces_that_are_missing(terms, banned):
    """From wherever a text stands, unless it stands before a phrase too many."""
    lexical = constrain(terms, banned)
    for pieces in SEQUENCES:
        state, broken = read(lexical, pieces)
        if broken or state.closes:
            continue
        missing = state.missing
        assert (missing == 0) >= state.may_end
        while missing:
            reached = [
                lexical.advance(state, piece).state for piece in lexical.find_continuations(state)
            ]
            nearer = [each for each in reached if each.missing == missing - 1]
            assert nearer
            state, missing = nearer[0], missing - 1
        assert state.may_end


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("terms", "banned"), ALL_CASES.values(), ids=ALL_CASES)
def test_a_wide_beam_finds_what_trying_everything_finds(terms, banned, seed):
    """All sequences that keep the constraints, in order."""
    table = Table(seed, pieces=len(TEXTS))
    kept = [pieces for pieces in SEQUENCES if is_kept(pieces, terms, banned)]
    kept.sort(key=lambda pieces: -sum(table.log_probs(7, pieces)))
    (found,) = search(table, [7], [constrain(terms, banned)], len(TEXTS) ** LONGEST)
    assert [tuple(each.pieces) for each in found] == kept


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize(("terms", "banned"), CASES.values(), ids=CASES)
def test_a_narrow_beam_keeps_all_constraints(terms, banned, width):
    table = Table(width, pieces=len(TEXTS))
    sentences = [*range(8)]
    lexical = [constrain(terms, banned) for _ in sentences]
    for longest in (1, LONGEST, 9):
        for found in search(table, sentences, lexical, width, Ranking(), longest):
            assert found
            assert all(is_kept(each.pieces, terms, banned) for each in found)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_narrow_beam_keeps_constraints_among_many_pieces(width):
    """Where the pieces of terms are hardly ever among the best."""
    texts = TEXTS + [
        f"{space}{letter}" for letter in "cdefghijklmnopqrstuvwxyz" for space in ("", " ")
    ]
    phrases = [Phrase("a b", ((2, 4),)), Phrase("b", ((4,), (3,)))]
    terms = [Term((phrase,)) for phrase in phrases]
    table = Table(width, pieces=len(texts))
    for longest in (1, 5, 12):
        lexical = [LexicalConstraints(terms, [], PieceTexts(texts)) for _ in range(6)]
        for found in search(table, [*range(6)], lexical, width, Ranking(), longest):
            text = "".join(texts[piece] for piece in found[0].pieces)
            assert len(re.findall(bounded("a b"), text)) == 1
            assert len(re.findall(bounded("b"), text)) == 2


@pytest.mark.parametrize("width", [1, 5])
@pytest.mark.parametrize(("terms", "banned"), ENTANGLED.values(), ids=ENTANGLED)
def test_a_narrow_beam_always_finds_something(terms, banned, width):
    """Where it cannot keep the constraints, terms are there too often rather than too seldom."""
    table = Table(width, pieces=len(TEXTS))
    for found in search(table, [*range(8)], [constrain(terms, banned)] * 8, width, Ranking(), 9):
        text = "".join(TEXTS[piece] for piece in found[0].pieces)
        assert all(any(re.search(bounded(form), text) for form in term) for term in terms)


@pytest.mark.parametrize("width", [2, 5])
def test_neighbours_change_nothing(width):
    table = Table(4, pieces=len(TEXTS))
    sentences = [*range(len(ALL_CASES))]

    def find(order):
        lexical = [constrain(*[*ALL_CASES.values()][index]) for index in order]
        found = search(table, order, lexical, width, Ranking(), 8)
        return dict(zip(order, found, strict=True))

    together = find(sentences)
    assert find(sentences[::-1]) == together
    for index in sentences:
        assert find([index])[index] == together[index]


@pytest.mark.parametrize("width", [1, 3, 5])
def test_without_phrases_it_is_plain_beam_search(width):
    table = Table(9, pieces=len(TEXTS))
    sentences = [*range(6)]
    lexical = [constrain([], []) for _ in sentences]
    ranking = Ranking("wu", 0.7, 0.1)
    found = search(table, sentences, lexical, width, ranking, 9)
    assert found == search(table, sentences, (), width, ranking, 9)


def test_a_space_may_be_a_piece_of_its_own():
    """As before letters that a vocabulary has no piece for at the beginning of a word."""
    texts = ["", "", " ", "{", "x", "}", " a", "b"]
    table = Table(1, pieces=len(texts))
    phrases = [Phrase("{x}", ((2, 3, 4, 5),)), Phrase("b", ((2, 7),))]
    for longest in (2, 6, 9):
        lexical = [
            LexicalConstraints([Term((phrase,)) for phrase in phrases], [], PieceTexts(texts))
            for _ in range(8)
        ]
        for found in search(table, [*range(8)], lexical, 3, Ranking(), longest):
            text = "".join(texts[piece] for piece in found[0].pieces)
            assert text.count("{x}") == 1
            assert len(re.findall(bounded("b"), text)) == 1


def test_prefixes_come_first():
    """Whatever they hold: a prefix that has a banned word is written, and a term in it counts."""
    table = Table(3, pieces=len(TEXTS))
    lexical = [constrain([["b"]], ["a"]), constrain([["b"]], [])]
    prefixes = torch.tensor([[2, -1], [2, 4]])
    (first, second) = search(table, [1, 2], lexical, 3, longest=5, prefixes=prefixes)
    assert all(each.pieces[0] == 2 and is_kept(each.pieces, [["b"]], []) for each in first)
    assert all(each.pieces[:2] == [2, 4] for each in second)
    assert all(is_kept(each.pieces, [["b"]], []) for each in second)


def test_terms_win_over_other_constraints():
    """A term that repeats itself, where repetitions are banned."""
    table = Table(5, pieces=len(TEXTS))
    constraints = make_constraints(max_extra=6, no_repeat_ngram_size=1)
    found = beam_search(
        table.step,
        table.begin([1]),
        torch.tensor([3]),
        constraints,
        Ranking(),
        3,
        lexical=[constrain([["a"], ["a"]], [])],
    )
    assert all(is_kept(each.pieces, [["a"], ["a"]], []) for each in found[0])


def test_scores_include_where_a_term_stands():
    """The attention at its first piece, where a word ends, for half of its own probability."""
    table = Table(2, pieces=len(TEXTS))
    term = Term((spell("ab"),), (0, 2))
    kept = [pieces for pieces in SEQUENCES if is_kept(pieces, [["ab"]], [])]
    ends_word = [piece for piece, text in enumerate(TEXTS) if not text[:1].isalnum()]
    ends_word.remove(START)  # Which is never next.
    scores = {}
    for pieces in kept:
        text = "".join(TEXTS[piece] for piece in pieces)
        found = re.search(bounded("ab"), text)
        ends = [*itertools.accumulate(len(TEXTS[piece]) for piece in pieces)]
        first = next(index for index, end in enumerate(ends) if end > found.start())
        last = next(index for index, end in enumerate(ends) if end >= found.end())
        log_probs = table.log_probs(7, pieces)
        weights = table.weights(7, pieces[:first])
        probs = table.row(7, pieces[:first]).softmax(0)
        copied = (weights[0] + weights[2]).log() + probs[ends_word].sum().log()
        scores[pieces] = sum(log_probs) - sum(log_probs[first : last + 1]) / 2 + float(copied)
    lexical = LexicalConstraints([term], [], PIECE_TEXTS)
    (found,) = search(table, [7], [lexical], len(TEXTS) ** LONGEST)
    assert [tuple(each.pieces) for each in found] == sorted(kept, key=scores.get, reverse=True)
    expected = sorted(scores.values(), reverse=True)
    assert [each.score for each in found] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("longest", [2, 30])
def test_a_term_that_is_longer_than_allowed(longest):
    table = Table(6, pieces=len(TEXTS))
    term = [[" ".join("abababab")]]
    pieces = tuple(2 if character == "a" else 4 for character in "abababab")
    phrase = Phrase(term[0][0], (pieces,))
    lexical = LexicalConstraints([Term((phrase,))], [], PIECE_TEXTS)
    for found in search(table, [0], [lexical], 4, Ranking(), longest):
        assert found
        assert all(is_kept(each.pieces, term, []) for each in found)


@pytest.mark.parametrize(
    ("text", "following", "is_there"),
    [
        ("Ufer", "n", False),
        ("Ufer", ".", True),
        ("Ufer", "\u0301", False),
        ("Ufer", "\udcc3\udc9f", False),  # The bytes of a letter.
        ("Ufer", "\udce2\udc80\udc9c", True),  # Those of a quotation mark.
        ("{x}", "n", True),
        ("河岸", "边", True),
    ],
)
def test_bounds_of_words(text, following, is_there):
    texts = PieceTexts(["", "", " ", text, *following])
    lexical = LexicalConstraints([Term((Phrase(text, ((2, 3),)),))], [], texts)
    state, broken = read(lexical, [2, 3, *range(4, 4 + len(following))])
    assert not broken
    assert state.may_end == is_there


@pytest.mark.parametrize("search", [BeamSearch(), GreedySearch(), BeamSearch(beam_width=3)])
def test_searches_keep_constraints(search):
    table = Table(8, pieces=len(TEXTS))
    (found,) = search(
        table.step,
        table.begin([4]),
        torch.tensor([3]),
        start=START,
        end=END,
        lexical=[constrain([["ab", "b"]], ["a"])],
    )
    assert is_kept(found[0].pieces, [["ab", "b"]], ["a"])


def test_sampling_refuses_terms():
    table = Table(0, pieces=len(TEXTS))
    with pytest.raises(ValueError, match="beam search"):
        SamplingSearch()(
            table.step,
            table.begin([0]),
            torch.tensor([3]),
            start=START,
            end=END,
            lexical=[constrain([["a"]], [])],
        )
