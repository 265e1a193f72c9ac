"""Passages with terms: what the translator reads of them, and the constraints of the search."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from spacy.tokens import Doc

from ...text.subwords import Subwords
from .passages import Passage
from .stand_ins import StandIn, choose_stand_ins, to_source, write_stand_ins
from .terms import Term

if TYPE_CHECKING:
    from ...generation.lexical import LexicalConstraints, Phrase, PieceTexts


class ConstrainedPassage(NamedTuple):
    """What a search needs to know of a passage with terms.

    source (Doc): What the translator reads.
    stand_ins (list[StandIn]): The words in it that stand in for text that is kept.
    lexical (LexicalConstraints): The constraints of its translation.
    """

    source: Doc
    stand_ins: list[StandIn]
    lexical: "LexicalConstraints"


def constrain_passage(
    passage: Passage,
    terms: Sequence[Term],
    source: Subwords | None,
    target: Subwords,
    banned_pieces: Iterable[str],
) -> ConstrainedPassage:
    """Make the constraints of a passage.

    passage (Passage): The passage.
    terms (Sequence[Term]): Its terms.
    source (Subwords | None): The source vocabulary. None if the encoder reads tokens, which have
        no stand-ins.
    target (Subwords): The target vocabulary.
    banned_pieces (Iterable[str]): Subwords that are never generated.
    RETURNS (ConstrainedPassage): The passage with its constraints.
    RAISES (ValueError): If terms contradict each other, or a form cannot be written.
    """
    doc, shift = passage.source, passage.first_token
    spans = [doc[max(0, term.start - shift) : term.end - shift] for term in terms]
    is_attached = [bool(span.start) and not doc[span.start - 1].whitespace_ for span in spans]
    if source is None:
        places = [tuple(range(span.start, span.end)) for span in spans]
        lexical = constrain(terms, places, is_attached, target, banned_pieces)
        return ConstrainedPassage(doc, [], lexical)
    written = " ".join(form for term in terms for form in (*term.forms, *term.banned))
    first = passage.first_character
    stand_ins = choose_stand_ins(
        passage.text,
        [(term.kept[0] - first, term.kept[1] - first) for term in terms if term.kept],
        written,
        source,
        target,
    )
    words = {first + stand_in.start: stand_in.word for stand_in in stand_ins}
    if stand_ins:
        text = write_stand_ins(passage.text, stand_ins)
        doc = Doc(doc.vocab, words=[text], spaces=[False])
        terms = [
            term._replace(forms=(words[term.kept[0]],))
            if term.kept and term.kept[0] in words
            else term
            for term in terms
        ]
    (pieces,) = source.encode([doc[:].text])
    ranges = to_source(source.char_ranges(pieces), stand_ins)
    places = [
        tuple(
            position
            for position, (start, end) in enumerate(ranges)
            if start < span.end_char and span.start_char < end
        )
        for span in spans
    ]
    lexical = constrain(terms, places, is_attached, target, banned_pieces)
    return ConstrainedPassage(doc, stand_ins, lexical)


@lru_cache(maxsize=16)
def _piece_texts(subwords: Subwords) -> "PieceTexts":
    from ...generation.lexical import PieceTexts

    return PieceTexts(subwords.texts)


def constrain(
    terms: Sequence[Term],
    positions: Sequence[Sequence[int]],
    is_attached: Sequence[bool],
    subwords: Subwords,
    banned_pieces: Iterable[str],
) -> "LexicalConstraints":
    """Make the constraints of a translation.

    terms (Sequence[Term]): The terms of what is translated.
    positions (Sequence[Sequence[int]]): The source positions of each.
    is_attached (Sequence[bool]): Whether each stands right after another character in the source.
    subwords (Subwords): The target vocabulary.
    banned_pieces (Iterable[str]): Subwords that are never generated.
    RETURNS (LexicalConstraints): The constraints.
    RAISES (ValueError): If terms contradict each other, or a form cannot be written.
    """
    from ...generation.lexical import LexicalConstraints
    from ...generation.lexical import Term as LexicalTerm

    never = {*subwords.piece_ids(banned_pieces)}
    banned = dict.fromkeys(form for term in terms for form in term.banned)
    attached = {
        form
        for term, is_one in zip(terms, is_attached, strict=True)
        for form in term.forms
        if is_one or _has_no_space_before(form)
    }

    def spell(form: str) -> "Phrase":
        return _spell(form, subwords, form in attached, never)

    for term in terms:
        if contradicting := banned.keys() & {*term.forms}:
            raise ValueError(
                f'The term "{min(contradicting)}" is to be written or kept, but another term of '
                f"the same passage bans it: leave one of the two out"
            )
    return LexicalConstraints(
        [
            LexicalTerm(tuple(map(spell, term.forms)), tuple(places))
            for term, places in zip(terms, positions, strict=True)
            if term.forms
        ],
        [_spell(form, subwords, False, set()) for form in banned],
        _piece_texts(subwords),
    )


def _has_no_space_before(form: str) -> bool:
    """Whether a form begins with a letter of a script without spaces between words."""
    from ...generation.lexical import stays_in_word

    return form[0].isalpha() and not stays_in_word(form[0], True)


def _spell(form: str, subwords: Subwords, is_attached: bool, never: set[int]) -> "Phrase":
    """Spell a form in pieces that may be generated, after a space and maybe without one."""
    from ...generation.lexical import Phrase

    spellings = subwords.spell(form)[: 1 + is_attached]
    (written,) = subwords.decode([[*spellings[0]]])
    if written != form:
        raise ValueError(
            f'The vocabulary writes the term "{form}" as "{written}": change its characters'
        )
    allowed = tuple(pieces for pieces in spellings if never.isdisjoint(pieces))
    if not allowed:
        raise ValueError(
            f'The term "{form}" cannot be written without pieces that banned_pieces has: take '
            f"them out of it"
        )
    text = "".join(subwords.texts[piece] for piece in spellings[0])
    return Phrase(text.removeprefix(" "), allowed)
