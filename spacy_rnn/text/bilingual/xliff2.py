"""XLIFF 2.0 and 2.1 (OASIS 2014, 2018): http://docs.oasis-open.org/xliff/xliff-core/v2.1/."""

from collections.abc import Callable, Iterator, Sequence

from .base import MACHINE, Entry, Text, Unit, always, check_languages
from .edits import Edit
from .inline import Content
from .xliff import XliffFile
from .xml import Element, XmlFile, set_attributes

NO_SOURCE = "a segment without a source. Write a <source>, or take the segment out"


class Xliff2File(XliffFile):
    """A file of XLIFF 2.

    file (XmlFile): The file.
    """

    unit = "unit"
    groups = ("file", "group")
    untranslated = ("initial",)
    approved = ("reviewed", "final")

    def __init__(self, file: XmlFile):
        super().__init__(file)
        self.source_lang = file.root.attributes.get("srcLang")
        self.target_lang = file.root.attributes.get("trgLang")

    def entries(self) -> Iterator[Entry]:
        for unit, _ in self.find_units(self.file.root):
            for segment in unit.elements("segment"):
                source, target = segment.element("source"), segment.element("target")
                if source is None:
                    yield Entry(segment.line, self.source_lang, [], NO_SOURCE)
                    continue
                texts = [Text(self.source_lang, self.read(source).text.strip())]
                if target is not None:
                    text = self.read(target).text.strip()
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
            yield Unit(root.line, edit=always(Edit(root.start, root.content_start, tag)))
        for unit, is_translated in self.find_units(root):
            segments = [
                self._make_unit(segment, is_translated, overwrite)
                for segment in unit.elements("segment")
            ]
            yield from segments
            if any(segment.contents for segment in segments):
                yield from self._copy_ignorables(unit)

    def _make_unit(self, segment: Element, is_translated: bool, overwrite: bool) -> Unit:
        """Find out whether a segment is to be translated."""
        source, target = segment.element("source"), segment.element("target")
        if source is None:
            raise ValueError(f"{self.file.name}, line {segment.line}: {NO_SOURCE}")
        if not is_translated:
            return Unit(segment.line, kept='marked as translate="no"')
        kept = self.reason_to_keep(
            source, target, segment.attributes.get("state"), False, overwrite
        )
        if kept:
            return Unit(segment.line, kept=kept)
        return Unit(segment.line, [self.read(source)], self._fill(segment, source, target))

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
                self.write_target(source, target, source, translation.write()),
            ]

        return fill

    def _copy_ignorables(self, unit: Element) -> Iterator[Unit]:
        """Make units that copy what is between segments into the translation."""
        for ignorable in unit.elements("ignorable"):
            source, target = ignorable.element("source"), ignorable.element("target")
            if source is not None and target is None and source.children:
                content = self.file.raw(source.content_start, source.content_end)
                edit = self.write_target(source, None, source, content)
                yield Unit(ignorable.line, edit=always(edit))


def _is_draft(segment: Element) -> bool:
    """Whether a segment says that nobody has reviewed its translation."""
    machine = segment.attributes.get("subState", "").startswith(f"{MACHINE}:")
    return machine or segment.attributes.get("state") == "initial"
