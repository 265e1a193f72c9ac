"""HTML: its tokens, and the runs of text in them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from html.parser import HTMLParser
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

from .tokens import Kind, Piece, Token

Attribute = tuple[str, str | None]


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


VOID = _names("area base br col embed hr img input link meta param source track wbr")
"""Elements without content."""
BLOCKS = _names(
    "address article aside base blockquote body caption center col colgroup datalist dd details "
    "dialog dir div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 "
    "head header hgroup hr html legend li link main menu meta nav noframes noscript ol optgroup "
    "option p param pre search section select source summary table tbody td template tfoot th "
    "thead title tr track ul"
)
"""Elements that no sentence goes across."""
OBJECTS = _names(
    "audio canvas iframe map math object picture script style svg template textarea video"
)
"""Elements whose content is no part of a sentence."""
CODE = _names("code kbd pre samp")
"""Elements whose content is a part of a sentence, but not in the language."""
PARAGRAPH = frozenset({"p"})
FOREIGN = frozenset({"math", "svg"})
# What ends an element that has no end tag, unless it is in one of `SCOPES`.
ENDED_BY = {
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "option": {"option"},
    "optgroup": {"option", "optgroup"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
}
SCOPES = _names("body dl menu ol select table ul")


def read_html(text: str) -> list[Token]:
    """Read HTML, as Python's own parser does.

    text (str): A page, or a part of one.
    RETURNS (list[Token]): Its tokens.
    """
    return _Reader(text).tokens


class _Reader(HTMLParser):
    """Notes where each token begins. What is written there goes up to the next one."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=False)
        self._lines = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        self._starts: list[int] = []
        self.tokens: list[Token] = []
        self.feed(text)
        self.close()
        for token, (start, end) in zip(
            self.tokens, pairwise([*self._starts, len(text)]), strict=True
        ):
            token.raw = text[start:end]
            if token.kind is Kind.TEXT:
                token.text = unescape(token.raw)

    def _add(self, kind: Kind, name: str = "", attributes: Iterable[Attribute] = ()) -> None:
        if kind is Kind.TEXT and self.tokens and self.tokens[-1].kind is kind:
            return
        line, column = self.getpos()
        self._starts.append(self._lines[line - 1] + column)
        values = {key: value or "" for key, value in attributes}
        self.tokens.append(Token(kind, "", name, values))

    def handle_starttag(self, tag: str, attrs: list[Attribute]) -> None:
        self._add(Kind.OTHER if tag in VOID else Kind.START, tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[Attribute]) -> None:
        # As in browsers: of elements of HTML, only those without content have no end tag.
        self._add(Kind.OTHER if tag in VOID | FOREIGN else Kind.START, tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._add(Kind.END, tag)

    def handle_data(self, data: str) -> None:
        self._add(Kind.TEXT)

    def handle_entityref(self, name: str) -> None:
        self._add(Kind.TEXT)

    def handle_charref(self, name: str) -> None:
        self._add(Kind.TEXT)

    def handle_comment(self, data: str) -> None:
        self._add(Kind.OTHER)

    def handle_decl(self, decl: str) -> None:
        self._add(Kind.OTHER)

    def handle_pi(self, data: str) -> None:
        self._add(Kind.OTHER)

    def unknown_decl(self, data: str) -> None:
        self._add(Kind.OTHER)


def find_html_runs(tokens: Sequence[Token]) -> Iterator[list[Piece]]:
    """Find the runs of text of a page: what is in a block, or between blocks in one.

    tokens (Sequence[Token]): The tokens of the page.
    YIELDS (list[Piece]): A run, from its first token to its last.
    """
    finder = _RunFinder()
    for index, token in enumerate(tokens):
        if token.kind is Kind.START:
            finder.start(index, token)
        elif token.kind is Kind.END:
            finder.end(index, token.name)
        elif token.name in BLOCKS or (token.name == "br" and not _goes_on(tokens, index)):
            finder.end_run()
        else:
            finder.add(token.kind, index)
        yield from finder.take()
    finder.end_run()
    yield from finder.take()


def _goes_on(tokens: Sequence[Token], index: int) -> bool:
    """Whether a sentence goes on after a line break: then its first letter is a small one."""
    for token in islice(tokens, index + 1, None):
        if token.name in BLOCKS or token.name == "br":
            return False
        if token.kind is Kind.TEXT and not token.is_blank:
            return token.text.lstrip()[0].islower()
    return False


def _is_translated(token: Token, is_outer: bool) -> bool:
    """Whether the text of an element is translated, in one whose text is or is not."""
    if token.name in OBJECTS | CODE or "notranslate" in token.attributes.get("class", "").split():
        is_outer = False
    value = token.attributes.get("translate")
    return is_outer if value is None else value.lower() in ("", "yes")


class _Element(NamedTuple):
    """An element that has not ended.

    name (str): Its name.
    is_translated (bool): Whether its text is.
    """

    name: str
    is_translated: bool


class _RunFinder:
    """Keeps track of open elements, and gathers runs."""

    def __init__(self) -> None:
        self._open = [_Element("", is_translated=True)]
        self._counts: Counter[str] = Counter()
        self._run: list[Piece] = []
        self._found: list[list[Piece]] = []
        # An element in a run that stays as it is: its kind, its first token and its depth.
        self._kept: tuple[Kind, int, int] | None = None

    def take(self) -> list[list[Piece]]:
        """Return the runs that have ended since the last call."""
        found, self._found = self._found, []
        return found

    def end_run(self) -> None:
        """End a run, unless this is in an element that stays as it is."""
        if self._run and self._kept is None:
            self._found.append(self._run)
            self._run = []

    def add(self, kind: Kind, index: int) -> None:
        """Add a token to the run, if it is translated."""
        if self._open[-1].is_translated:
            self._run.append(Piece(kind, index, index + 1))

    def start(self, index: int, token: Token) -> None:
        """Start an element."""
        depth = self._find_ended(token.name)
        if depth is not None:
            self._close(depth, index)
        was_translated = self._open[-1].is_translated
        is_translated = _is_translated(token, was_translated)
        if is_translated and self._kept is not None:
            self._end_kept(*self._kept[:2], index)
            self.end_run()
        if token.name in BLOCKS:
            self.end_run()
        elif was_translated and not is_translated:
            kind = Kind.OTHER if token.name in OBJECTS else Kind.KEPT
            self._kept = kind, index, len(self._open)
        self._open.append(_Element(token.name, is_translated))
        self._counts[token.name] += 1
        if token.name not in BLOCKS and was_translated:
            self.add(Kind.START, index)

    def end(self, index: int, name: str) -> None:
        """End an element."""
        depth = self._find(name)
        if depth is None:
            if name not in BLOCKS:
                self.add(Kind.END, index)
        elif self._kept is not None and self._kept[-1] == depth:
            self._close(depth, index + 1)
            return
        else:
            was_translated = self._open[depth].is_translated
            self._close(depth, index)
            if name not in BLOCKS and was_translated:
                self.add(Kind.END, index)
        if name in BLOCKS:
            self.end_run()

    def _close(self, depth: int, index: int) -> None:
        """Close all elements from one on, before a token."""
        for element in self._open[depth:]:
            self._counts[element.name] -= 1
        del self._open[depth:]
        if self._kept is not None and depth <= self._kept[-1]:
            self._end_kept(*self._kept[:2], index)

    def _end_kept(self, kind: Kind, first: int, last: int) -> None:
        self._run.append(Piece(kind, first, last))
        self._kept = None

    def _find(self, name: str) -> int | None:
        """Find the element that an end tag ends. Inline elements do not end blocks."""
        if not self._counts[name]:
            return None
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].name == name:
                return depth
            if name not in BLOCKS and self._open[depth].name in BLOCKS:
                return None
        return None

    def _find_ended(self, name: str) -> int | None:
        """Find the element without an end tag that a start tag ends."""
        ended = ENDED_BY.get(name, PARAGRAPH if name in BLOCKS else frozenset())
        if not any(self._counts[each] for each in ended):
            return None
        found = None
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].name in ended:
                found = depth
            if self._open[depth].name in SCOPES:
                break
        return found
