"""The messages of a catalogue of gettext (its manual, section "The Format of PO Files").

They are read here, and not through polib or Babel: these cut off the last letter of a string whose
quotes are not closed, do not say where in the file a string is, and wrap anew what they write.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LINE = re.compile(
    r'(?:(msgctxt|msgid|msgid_plural|msgstr|msgstr\[\d+\])\s*)?"((?:[^"\\]|\\.)*)"', re.DOTALL
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CHARACTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CHARACTERS |= {'"': '"', "\\": "\\"}
"""dict[str, str]: Characters by what is written after a backslash."""
_ESCAPES = str.maketrans({character: f"\\{each}" for each, character in _CHARACTERS.items()})


@dataclass
class Message:
    """A message and its translations.

    line (int): The line of its first string, from 1.
    place (int): The byte where flags belong.
    flags_place (int | None): The byte where its first flag is. None if it has no flags.
    flags (list[str]): Its flags.
    is_obsolete (bool): Whether the program no longer has it.
    strings (dict[str, str]): Strings by their keywords, such as "msgid" and "msgstr[0]".
    spans (dict[str, tuple[int, int]]): The first byte of each, and the one after its last.
    """

    line: int = 0
    place: int = -1
    flags_place: int | None = None
    flags: list[str] = field(default_factory=list)
    is_obsolete: bool = False
    strings: dict[str, str] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def translations(self) -> dict[str, str]:
        """dict[str, str]: Its translations by their keywords."""
        return {name: text for name, text in self.strings.items() if name.startswith("msgstr")}

    @property
    def is_header(self) -> bool:
        """bool: Whether it says something about the file."""
        return not self.strings["msgid"] and "msgctxt" not in self.strings


def read_messages(data: bytes, name: str) -> Iterator[Message]:
    """Read the messages of a catalogue.

    data (bytes): The file, in UTF-8.
    name (str): What it is called in errors.
    YIELDS (Message): A message.
    RAISES (ValueError): If a line is malformed, or a message is not complete.
    """
    message, keyword, start = Message(), "", 0
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        position = f"{name}, line {number}"
        text = line.decode("utf8").strip()
        is_obsolete, text = text.startswith("#~"), text.removeprefix("#~").lstrip()
        is_comment = text.startswith(("#", "|"))
        match = _LINE.fullmatch(text)
        if not (match or is_comment or not text):
            raise ValueError(
                f"{position}: neither a comment nor a string in quotes: {text[:60]!r}. Correct it"
            )
        is_first = is_comment or (match and match[1] in ("msgctxt", "msgid"))
        if message.translations and is_first:
            yield _check(message, name)
            message, keyword = Message(), ""
        if message.place < 0 and (match or text.startswith(("#|", "|"))):
            message.place = start
        if text.startswith("#,"):
            message.flags_place = start + line.index(b",") + 1
            message.flags += [flag.strip() for flag in text[2:].split(",")]
        elif match:
            span = start, start + len(line.rstrip(b"\r\n"))
            if match[1]:
                keyword = match[1]
                if keyword in message.strings:
                    raise ValueError(f"{position}: a second {keyword}. Take one of the two out")
                message.strings[keyword], message.spans[keyword] = "", span
            elif not keyword:
                raise ValueError(f"{position}: a string without a keyword. Write msgid before it")
            message.line = message.line or number
            message.is_obsolete = is_obsolete
            message.strings[keyword] += _unescape(match[2])
            message.spans[keyword] = message.spans[keyword][0], span[1]
        start += len(line)
    if message.strings:
        yield _check(message, name)


def write_string(keyword: str, text: str, line_end: str = "\n") -> str:
    """Write a string of a message.

    keyword (str): Its keyword.
    text (str): The string.
    line_end (str): What ends a line of the file.
    RETURNS (str): Lines without the end of the last: one, or one more than the text has lines.
    """
    lines = [line.translate(_ESCAPES) for line in re.findall("[^\n]*\n|[^\n]+", text)] or [""]
    if len(lines) > 1:
        lines = ["", *lines]
    return f"{keyword} " + line_end.join(f'"{line}"' for line in lines)


def _check(message: Message, name: str) -> Message:
    """Refuse a message without a text or a translation, be it an empty one."""
    plural = "msgid_plural" in message.strings
    for keyword in ("msgid", "msgstr[0]" if plural else "msgstr"):
        if keyword not in message.strings:
            raise ValueError(
                f"{name}, line {message.line}: a message without {keyword}. Add it, or take the "
                f"message out"
            )
    return message


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _CHARACTERS.get(match[1], match[0]), text)
