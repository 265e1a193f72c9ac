"""Texts of a marked-up document: what is to be translated, and how it comes back."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ..nesting import Tag
from ..tags import weave
from .tokens import WHITE, Kind, Piece, Token

# What may stand right before an element that stays as it is, and after it. From all else a space
# parts its text, so that it has words of its own.
OPENING, CLOSING = " ([{\"'“„«¿¡", " )]}\"'”»,.;:!?…"
SPACE = re.compile(f"[{WHITE}]+")
ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""")


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text, with the tags in it.

    first (int): The index of its first token.
    last (int): The index after that of its last one.
    text (str): The text, without white space at its ends.
    tags (list[Tag]): The tags, in order. Each element is the index of its first token.
    pieces (dict[int, list[Piece]]): How the tags of each element are written, in order.
    spaced (set[int]): Elements without text after which a space was left out, as one is before.
    """

    first: int
    last: int
    text: str
    tags: list[Tag]
    pieces: dict[int, list[Piece]]
    spaced: set[int]

    def write(self, tokens: Sequence[Token], text: str, tags: Sequence[Tag]) -> None:
        """Put a translation in the place of a run.

        tokens (Sequence[Token]): The tokens of the document, which are changed.
        text (str): The translation.
        tags (Sequence[Tag]): The tags in it.
        """
        run = tokens[self.first : self.last]
        start, end = _find_white(run[0])[0], _find_white(run[-1])[1]
        written = "".join([start, *self._write_parts(tokens, weave(text, tags)), end])
        for token in run:
            token.raw = ""
        run[0].raw = written

    def _write_parts(self, tokens: Sequence[Token], parts: Iterable[str | Tag]) -> Iterator[str]:
        run = tokens[self.first : self.last]
        texts = [token for token in run if token.kind is Kind.TEXT and not token.is_blank]
        escape_part = _escape_cdata if all(token.is_cdata for token in texts) else _escape
        pieces = {element: iter(found) for element, found in self.pieces.items()}
        kept: int | None = None
        needs_space = False
        for part in parts:
            if isinstance(part, Tag):
                if kept == part.element:
                    kept = None
                    continue
                kind, first, last = next(pieces[part.element])
                yield "".join(token.raw for token in tokens[first:last])
                needs_space = part.element in self.spaced
                if kind is Kind.KEPT:
                    kept = part.element
            elif kept is None:
                yield " " if needs_space and part[0] != " " else ""
                yield escape_part(part)
                needs_space = False


def find_segments(tokens: Sequence[Token], runs: Iterable[Sequence[Piece]]) -> Iterator[Segment]:
    """Find the runs that have something to translate, which are those with letters.

    tokens (Sequence[Token]): The tokens of a document.
    runs (Iterable[Sequence[Piece]]): Its runs.
    YIELDS (Segment): A run.
    """
    for run in runs:
        texts = (tokens[first].text for kind, first, _ in run if kind is Kind.TEXT)
        if any(letter.isalpha() for text in texts for letter in text):
            yield _RunReader(tokens, run).read()


class _RunReader:
    """Gathers the text of a run, and the tags in it."""

    def __init__(self, tokens: Sequence[Token], run: Sequence[Piece]):
        self.tokens = tokens
        self.run = run
        self.texts = [""]
        self.length = 0
        self.tags: list[Tag] = []
        self.pieces: dict[int, list[Piece]] = defaultdict(list)
        self.spaced: set[int] = set()
        self.follows_kept = False

    def read(self) -> Segment:
        open_elements: dict[str, list[int]] = defaultdict(list)
        for piece in self.run:
            token, element = self.tokens[piece.first], piece.first
            if piece.kind is Kind.TEXT:
                self._add_text(token.text, is_first=piece is self.run[0])
                continue
            if piece.kind is Kind.START:
                open_elements[token.name].append(element)
            elif piece.kind is Kind.END and open_elements[token.name]:
                element = open_elements[token.name].pop()
            if piece.kind is Kind.KEPT and (kept := self._read_kept(piece)):
                self._add_kept(kept, element)
            else:
                self.tags.append(Tag(self.length, element))
                kind = Kind.OTHER if piece.kind is Kind.KEPT else piece.kind
                piece = piece._replace(kind=kind)
            if token.name == "br" and not self.texts[-1].endswith(" "):
                self._add_text(" ")
            self.pieces[element].append(piece)
        text = "".join(self.texts)
        if self.run[-1].kind is Kind.TEXT:
            text = text.rstrip(WHITE)
        tags = [Tag(min(position, len(text)), element) for position, element in self.tags]
        first, last = self.run[0].first, self.run[-1].last
        return Segment(first, last, text, tags, self.pieces, self.spaced)

    def _add_text(self, text: str, is_first: bool = False) -> None:
        text = SPACE.sub(" ", text)
        if text.startswith(" ") and (is_first or self.texts[-1].endswith(" ")):
            text = text[1:]
            if self.tags and self.tags[-1].position == self.length:
                self._add_space(self.tags[-1].element)
        if text and self.follows_kept and text[0] not in CLOSING:
            text = f" {text}"
        if text:
            self.texts.append(text)
            self.length += len(text)
            self.follows_kept = False

    def _add_space(self, element: int) -> None:
        if self.pieces[element][-1].kind is Kind.OTHER:
            self.spaced.add(element)

    def _read_kept(self, piece: Piece) -> str:
        """Read the text of an element that stays as it is, a part of the sentence all the same."""
        tokens = self.tokens[piece.first : piece.last]
        texts = [token.text for token in tokens if token.kind is Kind.TEXT]
        return SPACE.sub(" ", "".join(texts)).strip()

    def _add_kept(self, text: str, element: int) -> None:
        if self.length and self.texts[-1][-1] not in OPENING:
            self._add_text(" ")
        self.tags.append(Tag(self.length, element))
        self._add_text(text)
        self.tags.append(Tag(self.length, element))
        self.follows_kept = True


def _find_white(token: Token) -> tuple[str, str]:
    """Return the white space at the start of a text, and at its end."""
    if token.kind is not Kind.TEXT or token.is_cdata:
        return "", ""
    raw = token.raw
    return raw[: len(raw) - len(raw.lstrip(WHITE))], raw[len(raw.rstrip(WHITE)) :]


def _escape(text: str) -> str:
    return escape(text, quote=False)


def _escape_cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """The value of an attribute.

    token (int): The index of the tag.
    name (str): The name of the attribute.
    text (str): The value.
    """

    token: int
    name: str
    text: str

    @property
    def tags(self) -> list[Tag]:
        """list[Tag]: None: a value has no tags."""
        return []

    def write(self, tokens: Sequence[Token], text: str, tags: Sequence[Tag] = ()) -> None:
        """Put a translation in the place of a value.

        tokens (Sequence[Token]): The tokens of the document, which are changed.
        text (str): The translation.
        tags (Sequence[Tag]): Those in the translation, of which there are none.
        """

        def replace(found: re.Match) -> str:
            name, equals, _ = found.groups()
            is_meant = name.lower() == self.name.lower()
            return f'{name}{equals}"{escape(text)}"' if is_meant else found[0]

        token = tokens[self.token]
        token.raw = ATTRIBUTE.sub(replace, token.raw)


def find_values(tokens: Sequence[Token], names: Sequence[str]) -> Iterator[AttributeValue]:
    """Find the values of attributes.

    tokens (Sequence[Token]): The tokens of a document.
    names (Sequence[str]): The names of the attributes.
    YIELDS (AttributeValue): A value that has letters.
    """
    for index, token in enumerate(tokens):
        for name in names:
            value = token.attributes.get(name, "")
            if any(map(str.isalpha, value)):
                yield AttributeValue(index, name, value)
