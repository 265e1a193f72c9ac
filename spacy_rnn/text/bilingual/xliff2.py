"""XLIFF 2.0 and 2.1 (OASIS 2014, 2018): http://docs.oasis-open.org/xliff/xliff-core/v2.1/."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from .base import MACHINE, Entry, Text, TranslationFile, Unit, check_languages
from .edits import Edit
from .inline import Content, read_content
from .targets import has_content, write_target
from .xml import Element, XmlFile, set_attributes

NO_SOURCE = "a segment without a source. Write a <source>, or take the segment out"
APPROVED = frozenset(("reviewed", "final"))
"""States of segments that a person has approved."""


class Xliff2File(TranslationFile):
    """A file of XLIFF 2.

    file (XmlFile): The file.
    """

    def __init__(self, file: XmlFile):
        self.file = file
        self.source_lang = file.root.attributes.get("srcLang")
        self.target_lang = file.root.attributes.get("trgLang")

    def entries(self) -> Iterator[Entry]:
        for unit, _ in _find_units(self.file.root):
            for segment in unit.elements("segment"):
                source, target = segment.element("source"), segment.element("target")
                if source is None:
                    yield Entry(segment.line, self.source_lang, [], NO_SOURCE)
                    continue
                texts = [Text(self.source_lang, self._read(source).text.strip())]
                if target is not None:
                    text = self._read(target).text.strip()
                    texts.append(Text(self.target_lang, text, not _is_draft(segment)))
                yield Entry(segment.line, self.source_lang, texts)

    def units(
        self, source_lang: str | None, target_lang: str | None, *, overwrite: bool = False
    ) -> Iterator[Unit]:
        root = self.file.root
        position = f"{self.file.name}, line {root.line}"
        check_languages(position, "source", self.source_lang, source_lang)
        lang = check_languages(position, "target", self.target_lang, target_lang)
        if lang is None:
            raise ValueError(
                f"{position}: no trgLang, which a file with translations has to have. Name the "
                f"language of the translations with --target-lang"
            )
        if not self.target_lang:
            tag = set_attributes(self.file.start_tag(root), trgLang=lang)
            edits = [Edit(root.start, root.content_start, tag)]
            yield Unit(root.line, edit=partial(_give, edits))
        for unit, is_translated in _find_units(root):
            for segment in unit.elements("segment"):
                yield self._make_unit(segment, is_translated, overwrite)
            if is_translated:
                yield from self._copy_ignorables(unit)

    def write(self, edits: Sequence[Edit]) -> bytes:
        return self.file.write(edits)

    def _read(self, element: Element) -> Content:
        return read_content(self.file, element)

    def _make_unit(self, segment: Element, is_translated: bool, overwrite: bool) -> Unit:
        """Find out whether a segment is to be translated."""
        source, target = segment.element("source"), segment.element("target")
        if source is None:
            raise ValueError(f"{self.file.name}, line {segment.line}: {NO_SOURCE}")
        if not is_translated:
            return Unit(segment.line, kept='marked as translate="no"')
        if target is not None and has_content(target):
            texts = {self._read(each).text.strip() for each in (source, target)}
            if segment.attributes.get("state") in APPROVED:
                return Unit(segment.line, kept="with an approved translation")
            is_copy = segment.attributes.get("state") == "initial" and len(texts) == 1
            if not (overwrite or is_copy):
                return Unit(segment.line, kept="with a translation")
        if not has_content(source):
            return Unit(segment.line, kept="without text")
        return Unit(segment.line, [self._read(source)], self._fill(segment, source, target))

    def _fill(
        self, segment: Element, source: Element, target: Element | None
    ) -> Callable[[Sequence[Content]], Sequence[Edit]]:
        """Return the function that puts the translation of a segment into its target."""

        def fill(translations: Sequence[Content]) -> list[Edit]:
            (translation,) = translations
            tag = set_attributes(
                self.file.start_tag(segment), state="translated", subState=f"{MACHINE}:mt"
            )
            return [
                Edit(segment.start, segment.content_start, tag),
                write_target(self.file, source, target, source, translation.write()),
            ]

        return fill

    def _copy_ignorables(self, unit: Element) -> Iterator[Unit]:
        """Make units that copy what is between segments into the translation."""
        for ignorable in unit.elements("ignorable"):
            source, target = ignorable.element("source"), ignorable.element("target")
            if source is not None and target is None and source.children:
                content = self.file.raw(source.content_start, source.content_end)
                edits = [write_target(self.file, source, None, source, content)]
                yield Unit(ignorable.line, edit=partial(_give, edits))


def _give(edits: Sequence[Edit], translations: Sequence[Content]) -> Sequence[Edit]:
    """Give changes that depend on no translation."""
    return edits


def _find_units(root: Element) -> Iterator[tuple[Element, bool]]:
    """Find the units of all files, in order, and whether they are to be translated."""
    stack = [(file, True) for file in list(root.elements("file"))[::-1]]
    while stack:
        element, is_translated = stack.pop()
        is_translated = {"yes": True, "no": False}.get(
            element.attributes.get("translate", ""), is_translated
        )
        if element.name == "unit":
            yield element, is_translated
            continue
        stack += [
            (child, is_translated)
            for child in element.children[::-1]
            if isinstance(child, Element) and child.name in ("group", "unit")
        ]


def _is_draft(segment: Element) -> bool:
    """Whether a segment says that nobody has reviewed its translation."""
    machine = segment.attributes.get("subState", "").startswith(f"{MACHINE}:")
    return machine or segment.attributes.get("state") == "initial"
