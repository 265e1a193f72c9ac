"""Passages of a document: what is translated, and the white space and list marks between."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from spacy.attrs import IDX, LENGTH
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, Token

from ...generation.settings import Detail
from .stand_ins import StandIn
from .terms import Term

if TYPE_CHECKING:
    from ...generation.state import Hypothesis

SENTENCIZER = Sentencizer()

Range = tuple[int, int]
"""The first token of a sentence, and the one after its last."""

# A hyphen, a dash, an asterisk, a bullet or a dot; or a number.
LIST_MARK = re.compile(r"([-\u2013\u2014*\u2022\u00b7]|[0-9]{1,3}[.)])(?=\s)")


@dataclass(frozen=True)
class Passage:
    """Segment of a document that is translated as one, with what is copied around it.

    source (Doc): Its tokens, without white space at its ends.
    text (str): Its text.
    document (int): The index of its document.
    first_token (int): The index of its first token in the document.
    first_character (int): The index of its first character in the document.
    before (str): The white space and the list mark before the first passage of a document, else
        "".
    after (str): The same up to the next passage or the end of the document.
    """

    source: Doc
    text: str
    document: int
    first_token: int
    first_character: int
    before: str
    after: str

    @property
    def end_token(self) -> int:
        """int: The index in the document of the token after its last."""
        return self.first_token + len(self.source)


class TranslatedPassage(NamedTuple):
    """A passage and its translations, without its document, which may hold them.

    before (str): What is copied before it, as of the passage.
    after (str): What is copied after it.
    length (int): Its characters.
    first_character (int): The index of its first character in the document.
    first_token (int): The index of its first token in the document.
    tokens (np.ndarray): The first character and the length of each token, `(tokens, 2)`.
    source_pieces (list[int] | None): The pieces that the encoder read. None if it reads tokens.
    stand_ins (Sequence[StandIn]): The words that the encoder read in place of text that is kept.
    hypotheses (list[Hypothesis]): Its translations, the best first.
    texts (list[str]): Their texts.
    """

    before: str
    after: str
    length: int
    first_character: int
    first_token: int
    tokens: np.ndarray
    source_pieces: list[int] | None
    stand_ins: Sequence[StandIn]
    hypotheses: "list[Hypothesis]"
    texts: list[str]

    @classmethod
    def of(
        cls,
        passage: Passage,
        source_pieces: list[int] | None,
        stand_ins: Sequence[StandIn],
        hypotheses: "list[Hypothesis]",
        texts: list[str],
    ) -> "TranslatedPassage":
        """Join a passage and its translations.

        passage (Passage): The passage.
        source_pieces (list[int] | None): The pieces that the encoder read, if it does.
        stand_ins (Sequence[StandIn]): The words that it read in place of text that is kept.
        hypotheses (list[Hypothesis]): Its translations, the best first.
        texts (list[str]): Their texts.
        RETURNS (TranslatedPassage): Both.
        """
        return cls(
            passage.before,
            passage.after,
            len(passage.text),
            passage.first_character,
            passage.first_token,
            passage.source.to_array([IDX, LENGTH]),
            source_pieces,
            stand_ins,
            hypotheses,
            texts,
        )

    @property
    def number_of_positions(self) -> int:
        """int: The source positions that a decoder attends to."""
        pieces = self.source_pieces
        return len(self.tokens if pieces is None else pieces)


class Translation(NamedTuple):
    """The translation of a document.

    passages (list[TranslatedPassage]): Its translated passages, in order.
    detail (Detail): What was asked for beside the text.
    """

    passages: list[TranslatedPassage]
    detail: Detail


def split_passages(
    docs: list[Doc],
    max_sentences: int = 1,
    line_breaks: bool = False,
    terms: Sequence[Sequence[Term]] | None = None,
) -> list[Passage]:
    """Split documents into passages of a few sentences, or take each as a whole.

    docs (list[Doc]): The documents.
    max_sentences (int): The maximum number of sentences in a passage; 0 for whole documents.
    line_breaks (bool): Whether passages may have line breaks or tabs in them. If not, one ends a
        passage, and a sentence where nothing has set boundaries.
    terms (Sequence[Sequence[Term]] | None): The terms of each document: none is split.
    RETURNS (list[Passage]): Their passages, in order. Documents of white space alone have none.
    """
    return [
        passage
        for number, doc in enumerate(docs)
        for passage in _split(
            doc, number, max_sentences, line_breaks, terms[number] if terms else ()
        )
    ]


def find_sentences(doc: Doc, line_breaks: bool) -> list[Range]:
    """Find the sentences of a document, by spaCy's rules where nothing has set their boundaries.

    doc (Doc): The document.
    line_breaks (bool): Whether a sentence may go on after a line break or a tab.
    RETURNS (list[Range]): The sentences that are more than white space, without that at their
        ends and, where nothing has set boundaries, without the mark of an item of a list.
    """
    return _find_sentences(doc, doc.text, line_breaks)


def _find_sentences(doc: Doc, text: str, line_breaks: bool) -> list[Range]:
    has_lines = not line_breaks and len(_split_lines(text)) > 1
    set_starts = doc.to_array("SENT_START")[1:].view("int64")
    are_set = set_starts.all()
    if are_set:
        firsts = [0, *(np.flatnonzero(set_starts == 1) + 1).tolist()]
    else:
        found = _find_starts(doc, has_lines)
        if set_starts.any():
            found[1:] = np.where(set_starts == 0, found[1:], set_starts == 1).tolist()
        firsts = list(compress(range(len(doc)), found))
    ranges = zip(firsts, [*firsts[1:], len(doc)], strict=True)
    stripped = [_strip(doc, start, end) for start, end in ranges]
    if not (are_set or line_breaks):
        stripped = [(_skip_list_mark(doc, text, start, end), end) for start, end in stripped]
    return [(start, end) for start, end in stripped if start < end]


def has_line_breaks(doc: Doc, start: int, end: int) -> bool:
    """Whether there is a line break or a tab among tokens.

    doc (Doc): The document.
    start (int): The first token.
    end (int): The token after the last.
    RETURNS (bool): Whether one of them is white space that breaks a line, or parts cells.
    """
    return any(_breaks_line(doc[index]) for index in range(start, end))


def _split(
    doc: Doc, number: int, max_sentences: int, line_breaks: bool, terms: Sequence[Term]
) -> list[Passage]:
    text = doc.text
    if max_sentences:
        sentences = _join_within(_find_sentences(doc, text, line_breaks), terms)
        bounds = list(_group(doc, sentences, max_sentences, line_breaks))
    else:
        start, end = _strip(doc, 0, len(doc))
        bounds = [(start, end)] if start < end else []
    bounds = [each for each in bounds if not _is_kept(doc, *each, terms)]
    passages = []
    for index, (start, end) in enumerate(bounds):
        whole = (start, end) == (0, len(doc))
        first_character, last_token = doc[start].idx, doc[end - 1]
        end_character = last_token.idx + len(last_token)
        is_last = index + 1 == len(bounds)
        next_character = len(text) if is_last else doc[bounds[index + 1][0]].idx
        passages.append(
            Passage(
                source=doc if whole else doc[start:end].as_doc(),
                text=text[first_character:end_character],
                document=number,
                first_token=start,
                first_character=first_character,
                before=text[:first_character] if index == 0 else "",
                after=text[end_character:next_character],
            )
        )
    return passages


def _is_kept(doc: Doc, start: int, end: int, terms: Sequence[Term]) -> bool:
    """Whether a passage is nothing but text that stays as it is, which is copied."""
    first, last = doc[start].idx, doc[end - 1].idx + len(doc[end - 1])
    return any(term.kept and term.kept[0] <= first and last <= term.kept[1] for term in terms)


def _join_within(sentences: list[Range], terms: Sequence[Term]) -> list[Range]:
    """Join the sentences that a term reaches across."""
    if not terms:
        return sentences
    joined: list[Range] = []
    for start, end in sentences:
        if joined and any(term.start < joined[-1][1] and start < term.end for term in terms):
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def _group(
    doc: Doc, sentences: list[Range], max_sentences: int, line_breaks: bool
) -> Iterator[Range]:
    """Group sentences into passages, which do not go on after a line break unless they may."""
    group: list[Range] = []
    for start, end in sentences:
        if group and (
            len(group) == max_sentences
            or (not line_breaks and has_line_breaks(doc, group[-1][1], start))
        ):
            yield group[0][0], group[-1][1]
            group = []
        group.append((start, end))
    if group:
        yield group[0][0], group[-1][1]


def _find_starts(doc: Doc, has_lines: bool) -> list[bool]:
    """Find out by rules which tokens begin a sentence: with lines, also the first of each."""
    (starts,) = SENTENCIZER.predict([doc])
    if has_lines:
        for index in np.flatnonzero(doc.to_array("IS_SPACE")[:-1]).tolist():
            starts[index + 1] |= _breaks_line(doc[index])
    return starts


def _breaks_line(token: Token) -> bool:
    return token.is_space and len(_split_lines(f"{token.text}.")) > 1


def _split_lines(text: str) -> list[str]:
    """Split at line breaks, and at tabs, which are between the cells of a table."""
    return text.replace("\t", "\n").splitlines()


def _strip(doc: Doc, start: int, end: int) -> Range:
    """Strip tokens of white space off both ends."""
    while start < end and doc[start].is_space:
        start += 1
    while end > start and doc[end - 1].is_space:
        end -= 1
    return start, end


def _skip_list_mark(doc: Doc, text: str, start: int, end: int) -> int:
    """Return the first token of a sentence after the mark of an item of a list, if it has one."""
    if start == end or not (start == 0 or _breaks_line(doc[start - 1])):
        return start
    if mark := LIST_MARK.match(text, doc[start].idx):
        while start < end and doc[start].idx < mark.end():
            start += 1
        start, _ = _strip(doc, start, end)
    return start
