"""TMX 1.4b (LISA 2005): https://www.gala-global.org/tmx-14b."""

from collections.abc import Callable, Iterator, Sequence
from xml.sax.saxutils import quoteattr

from ...about import package_version
from .base import MACHINE, Entry, Text, TranslationFile, Unit, check_languages, find_language
from .edits import Edit
from .inline import Content, read_content
from .xml import Element, XmlFile, attributes_of_content, set_attributes

ANY = "*all*"
"""A source language that leaves it open which of the languages it is."""


class TmxFile(TranslationFile):
    """A translation memory.

    file (XmlFile): The file.
    """

    def __init__(self, file: XmlFile):
        self.file = file
        header = file.root.element("header")
        self.source_lang = None if header is None else header.attributes.get("srclang")

    def entries(self) -> Iterator[Entry]:
        for unit in self._find_units():
            texts = []
            fault = ""
            for variant in unit.elements("tuv"):
                lang, segment = _lang_of(variant), variant.element("seg")
                if lang is None or segment is None:
                    lacking = "<seg>" if lang else "xml:lang"
                    fault = f"line {variant.line}: a <tuv> without {lacking}. Add it"
                    continue
                is_reviewed = variant.attributes.get("creationtool") != MACHINE
                text = read_content(self.file, segment).text.strip()
                texts.append(Text(lang, text, is_reviewed))
            yield Entry(unit.line, self._source_of(unit), texts, fault)

    def units(
        self, source_lang: str | None, target_lang: str | None, *, overwrite: bool = False
    ) -> Iterator[Unit]:
        if target_lang is None:
            raise ValueError(
                f"{self.file.name} may hold any languages: name that of the translations with "
                f"--target-lang"
            )
        for unit in self._find_units():
            position = f"{self.file.name}, line {unit.line}"
            lang = check_languages(position, "source", self._source_of(unit), source_lang)
            if lang is None:
                raise ValueError(
                    f"{position}: no srclang, and the pipeline is of no language: name it with "
                    f"--source-lang"
                )
            yield self._make_unit(unit, lang, target_lang, overwrite)

    def write(self, edits: Sequence[Edit]) -> bytes:
        return self.file.write(edits)

    def _find_units(self) -> Iterator[Element]:
        body = self.file.root.element("body")
        return iter(()) if body is None else body.elements("tu")

    def _source_of(self, unit: Element) -> str | None:
        """Return the language that a unit was translated from, if it says so."""
        lang = unit.attributes.get("srclang", self.source_lang)
        return None if lang == ANY else lang

    def _make_unit(
        self, unit: Element, source_lang: str, target_lang: str, overwrite: bool
    ) -> Unit:
        """Find out whether a unit is to be translated."""
        variants = list(unit.elements("tuv"))
        source = _choose(variants, source_lang)
        segment = None if source is None else source.element("seg")
        if source is None or segment is None or not segment.has_content:
            return Unit(unit.line, kept=f"without a text in {source_lang!r}")
        target = _choose(variants, target_lang)
        old = None if target is None else target.element("seg")
        if old is not None and old.has_content and not overwrite:
            return Unit(unit.line, kept="with a translation")
        content = read_content(self.file, segment)
        edit = self._fill(source, segment, target, variants[-1], target_lang)
        return Unit(unit.line, [content], edit)

    def _fill(
        self,
        source: Element,
        segment: Element,
        target: Element | None,
        last: Element,
        lang: str,
    ) -> Callable[[Sequence[Content]], Sequence[Edit]]:
        """Return the function that writes the variant of a unit in the target language."""
        tool = {"creationtool": MACHINE, "creationtoolversion": package_version()}
        old = None if target is None else target.element("seg")

        def fill(translations: Sequence[Content]) -> list[Edit]:
            (translation,) = translations
            declared = attributes_of_content(self.file.start_tag(segment))
            written = f"<seg{declared}>{translation.write()}</seg>"
            if target is not None and old is not None:
                tag = set_attributes(self.file.start_tag(target), **tool)
                return [
                    Edit(target.start, target.content_start, tag),
                    Edit(old.start, old.end, written),
                ]
            declared = attributes_of_content(self.file.start_tag(source))
            tag = set_attributes(f"<tuv xml:lang={quoteattr(lang)}{declared}>", **tool)
            before = self.file.indentation(segment)
            after = self.file.raw(segment.end, source.content_end)
            text = f"{self.file.indentation(last)}{tag}{before}{written}{after}</tuv>"
            return [Edit(last.end, last.end, text)]

        return fill


def _lang_of(variant: Element) -> str | None:
    """Return the language of a variant; before TMX 1.4 its attribute had no prefix."""
    return variant.lang or variant.attributes.get("lang")


def _choose(variants: Sequence[Element], lang: str) -> Element | None:
    """Choose the first variant in a language."""
    found = find_language([_lang_of(each) for each in variants], lang)
    return variants[found[0]] if found else None
