"""XML: its tokens, and the runs of text in them."""

from collections.abc import Iterator, Sequence
from html import unescape
from itertools import pairwise
from xml.parsers import expat

from .tokens import Kind, Piece, Token

ENCODING = "utf-8"
TRANSLATE = ("its:translate", "translate")
"""The attributes that say whether text is translated: that of ITS 2.0, and HTML's."""


def read_xml(text: str) -> list[Token]:
    """Read XML, with expat. Entities that the document defines are not resolved.

    text (str): A document.
    RETURNS (list[Token]): Its tokens.
    RAISES (ValueError): If it is not well-formed.
    """
    return _Reader(text).tokens


class _Reader:
    """Notes where each token begins. What is written there goes up to the next one."""

    def __init__(self, text: str):
        self.tokens: list[Token] = []
        self._starts: list[int] = []
        self._texts: list[str] = []
        self._open: list[tuple[str, int]] = []
        self._is_cdata = False
        # The declaration is that of a file. A text has no encoding.
        self._parser = expat.ParserCreate(ENCODING)
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add_text
        self._parser.StartCdataSectionHandler = self._start_cdata
        self._parser.EndCdataSectionHandler = self._end_cdata
        self._parser.DefaultHandler = self._add_other
        data = text.encode(ENCODING)
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise ValueError(self._describe(error)) from error
        self._end_text()
        ends = pairwise([*self._starts, len(data)])
        for token, (start, end) in zip(self.tokens, ends, strict=True):
            token.raw = data[start:end].decode(ENCODING)

    def _describe(self, error: expat.ExpatError) -> str:
        where = ""
        if self._open:
            name, line = self._open[-1]
            where = f", in the element <{name}> of line {line}"
        return (
            f"Line {error.lineno}, column {error.offset + 1}: {expat.ErrorString(error.code)}"
            f"{where}. XML has to be well-formed: correct it, or translate it as HTML"
        )

    def _add(self, token: Token) -> None:
        self._end_text()
        self._starts.append(self._parser.CurrentByteIndex)
        self.tokens.append(token)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append((name, self._parser.CurrentLineNumber))
        self._add(Token(Kind.START, "", name, attributes))

    def _end(self, name: str) -> None:
        self._open.pop()
        self._add(Token(Kind.END, "", name))

    def _end_text(self) -> None:
        if self._texts:
            self.tokens[-1].text = "".join(self._texts)
            self._texts = []

    def _add_text(self, text: str) -> None:
        last = self.tokens[-1]
        if last.kind is not Kind.TEXT or last.is_cdata != self._is_cdata:
            self._add(Token(Kind.TEXT, ""))
        self._texts.append(text)

    def _start_cdata(self) -> None:
        self._is_cdata = True
        self._add(Token(Kind.TEXT, "", is_cdata=True))

    def _end_cdata(self) -> None:
        self._is_cdata = False

    def _add_other(self, data: str) -> None:
        # XHTML has entities of HTML, which its definition declares elsewhere.
        meaning = unescape(data) if data.startswith("&") else data
        if self._open and len(meaning) == 1:
            self._add_text(meaning)
        else:
            self._add(Token(Kind.OTHER, ""))


def find_xml_runs(tokens: Sequence[Token]) -> Iterator[list[Piece]]:
    """Find the runs of text of a document: the content of outermost elements that have text.

    tokens (Sequence[Token]): The tokens of the document.
    YIELDS (list[Piece]): A run, from its first token to its last.
    """
    ends, with_text = _match(tokens)
    translated = [True]
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind is Kind.START:
            translated.append(_is_translated(token, translated[-1]))
            if translated[-1] and index in with_text:
                yield list(_find_pieces(tokens, index + 1, ends[index], ends))
                index = ends[index]
                continue
        elif token.kind is Kind.END:
            translated.pop()
        index += 1


def _match(tokens: Sequence[Token]) -> tuple[dict[int, int], set[int]]:
    """Find the end tags of start tags, and the elements that have text of their own."""
    ends, with_text, starts = {}, set(), []
    for index, token in enumerate(tokens):
        if token.kind is Kind.START:
            starts.append(index)
        elif token.kind is Kind.END:
            ends[starts.pop()] = index
        elif token.kind is Kind.TEXT and not token.is_blank:
            with_text.add(starts[-1])
    return ends, with_text


def _is_translated(token: Token, is_outer: bool) -> bool:
    for name in TRANSLATE:
        if name in token.attributes:
            return token.attributes[name] != "no"
    return is_outer


def _find_pieces(
    tokens: Sequence[Token], first: int, last: int, ends: dict[int, int]
) -> Iterator[Piece]:
    """Find the pieces of a run. Elements that are not translated stay as they are."""
    while first < last:
        token, end = tokens[first], first + 1
        kind = token.kind
        if kind is Kind.START and not _is_translated(token, True):
            kind, end = Kind.KEPT, ends[first] + 1
        yield Piece(kind, first, end)
        first = end
