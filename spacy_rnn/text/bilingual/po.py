"""Catalogues of gettext: PO files, and their templates."""

import re
from collections.abc import Callable, Iterator, Sequence

from .base import Entry, Text, TranslationFile, Unit, always, check_languages
from .edits import Edit, apply_edits
from .inline import Content
from .messages import Message, read_messages, write_string

_CHARSET = re.compile(rb'"Content-Type:[^"\n]*charset=([A-Za-z0-9._-]+)')
_TEMPLATE_CHARSET = "CHARSET"
_LANGUAGE = re.compile(r"^Language:[ \t]*(\S+)", re.MULTILINE)
_NO_LANGUAGE = re.compile(rb'"Language:[ \t]*\\n"')
_PLURALS = re.compile(r"nplurals=[ \t]*(\d+)")
FUZZY = "fuzzy"
"""The flag of translations that a person has to look at."""


class PoFile(TranslationFile):
    """A catalogue.

    data (bytes): The file.
    name (str): What it is called in errors.
    RAISES (ValueError): If the file is malformed.
    """

    def __init__(self, data: bytes, name: str):
        self.name = name
        charset = _CHARSET.search(data)
        self.encoding = charset[1].decode("ascii") if charset else "utf8"
        if self.encoding == _TEMPLATE_CHARSET:
            self.encoding = "utf8"
        try:
            text = data.decode(self.encoding)
        except (LookupError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{name} cannot be read as {self.encoding}: {error}. Correct the charset in its "
                f"header, or convert the file"
            ) from error
        self.mark, self.data = "\ufeff" * text.startswith("\ufeff"), text.lstrip("\ufeff").encode()
        self.line_end = "\r\n" if b"\r\n" in self.data else "\n"
        self.messages = list(read_messages(self.data, name))
        headers = (each for each in self.messages if each.is_header and not each.is_obsolete)
        self.header = next(headers, Message(line=1, strings={"msgid": "", "msgstr": ""}))
        language = _LANGUAGE.search(self.header.strings["msgstr"])
        plurals = _PLURALS.search(self.header.strings["msgstr"])
        self.target_lang = language[1] if language else None
        self.plurals = int(plurals[1]) if plurals else None

    def entries(self) -> Iterator[Entry]:
        for message in self.messages:
            if message.is_header:
                continue
            is_reviewed = FUZZY not in message.flags and not message.is_obsolete
            sources = self._sources(message, list(message.translations))
            for source, translation in zip(sources, message.translations.values(), strict=True):
                texts = [Text(None, source), Text(self.target_lang, translation, is_reviewed)]
                yield Entry(message.line, None, texts)

    def units(
        self, source_lang: str | None, target_lang: str | None, *, overwrite: bool = False
    ) -> Iterator[Unit]:
        position = f"{self.name}, line {self.header.line}"
        lang = check_languages(position, "target", self.target_lang, target_lang)
        if lang and not self.target_lang:
            yield self._set_language(lang)
        for message in self.messages:
            if message.is_header:
                continue
            if message.is_obsolete:
                yield Unit(message.line, kept="no longer used")
            elif all(message.translations.values()) and not overwrite:
                yield Unit(message.line, kept="with a translation")
            else:
                yield self._make_unit(message, overwrite)

    def write(self, edits: Sequence[Edit]) -> bytes:
        try:
            return (self.mark + apply_edits(self.data, edits)).encode(self.encoding)
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{self.name}: a translation cannot be written as {self.encoding}: {error}. "
                f"Convert the file to UTF-8"
            ) from error

    def _sources(self, message: Message, forms: Sequence[str]) -> list[str]:
        """Return the text that each form of a translation translates.

        The first of several forms is the singular; where there is one, it is for any number.
        """
        singular = message.strings["msgid"]
        plural = message.strings.get("msgid_plural", singular)
        return [plural] if len(forms) == 1 else [singular, *[plural] * (len(forms) - 1)]

    def _set_language(self, lang: str) -> Unit:
        """Make the unit that sets the language of a file that has a place for it."""
        start, end = self.header.spans.get("msgstr", (0, 0))
        edits = [
            Edit(start + match.start(), start + match.end(), f'"Language: {lang}\\n"')
            for match in _NO_LANGUAGE.finditer(self.data[start:end])
        ]
        return Unit(self.header.line, edit=always(*edits))

    def _make_unit(self, message: Message, overwrite: bool) -> Unit:
        """Make the unit of a message: of all forms of its translation, or of those it lacks."""
        forms = list(message.translations)
        if "msgid_plural" in message.strings:
            forms = [f"msgstr[{form}]" for form in range(self.plurals or len(forms))]
        sources = dict(zip(forms, self._sources(message, forms), strict=True))
        for form, text in message.translations.items():
            if text and not overwrite:
                sources.pop(form, None)
        contents = [Content(text) for text in dict.fromkeys(sources.values())]
        surplus = [form for form, text in message.translations.items() if not text]
        surplus = [form for form in surplus if form not in forms]
        return Unit(message.line, contents, self._fill(message, sources, surplus))

    def _fill(
        self, message: Message, sources: dict[str, str], surplus: Sequence[str]
    ) -> Callable[[Sequence[Content]], Sequence[Edit]]:
        """Return the function that writes forms of a translation, given their sources.

        Empty forms that the language does not have are taken out.
        """
        texts = list(dict.fromkeys(sources.values()))
        end = max(end for _, end in message.spans.values())

        def fill(translations: Sequence[Content]) -> list[Edit]:
            edits = [] if FUZZY in message.flags else [self._flag(message)]
            for form, source in sources.items():
                text = translations[texts.index(source)].text
                written = write_string(form, text, self.line_end)
                if form in message.spans:
                    edits.append(Edit(*message.spans[form], written))
                else:
                    edits.append(Edit(end, end, self.line_end + written))
            for form in surplus:
                start, stop = message.spans[form]
                edits.append(Edit(start - len(self.line_end), stop, ""))
            return edits

        return fill

    def _flag(self, message: Message) -> Edit:
        """Make the change that asks people to look at a translation."""
        if message.flags_place is None:
            return Edit(message.place, message.place, f"#, {FUZZY}{self.line_end}")
        return Edit(message.flags_place, message.flags_place, f" {FUZZY},")
