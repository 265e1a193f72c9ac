"""XLIFF 1.2 (OASIS 2008): http://docs.oasis-open.org/xliff/v1.2/os/xliff-core.html."""

from collections.abc import Callable, Iterator, Sequence

from .base import Entry, Text, TranslationFile, Unit, check_languages
from .edits import Edit
from .inline import Content, read_content
from .targets import has_content, write_target
from .xml import Element, XmlFile, set_attributes

DRAFTS = frozenset(
    (
        "new",
        "needs-translation",
        "needs-adaptation",
        "needs-l10n",
        "needs-review-translation",
        "needs-review-adaptation",
        "needs-review-l10n",
    )
)
"""States of translations that are not done (section 2.5, `state`)."""
UNTRANSLATED = frozenset(("new", "needs-translation"))
"""States of targets that may be copies of their source."""
APPROVED = frozenset(("final", "signed-off"))


class Xliff1File(TranslationFile):
    """A file of XLIFF 1.2.

    file (XmlFile): The file.
    """

    def __init__(self, file: XmlFile):
        self.file = file

    def entries(self) -> Iterator[Entry]:
        for file in self.file.root.elements("file"):
            source_lang = file.attributes.get("source-language")
            target_lang = file.attributes.get("target-language")
            for unit, _ in _find_units(file):
                source, target = unit.element("source"), unit.element("target")
                if source is None:
                    yield Entry(unit.line, source_lang, [], NO_SOURCE)
                    continue
                texts = [Text(source_lang, self._read(source).text.strip())]
                if target is not None:
                    is_reviewed = target.attributes.get("state") not in DRAFTS or _is_approved(
                        unit
                    )
                    texts.append(Text(target_lang, self._read(target).text.strip(), is_reviewed))
                yield Entry(unit.line, source_lang, texts)

    def units(
        self, source_lang: str | None, target_lang: str | None, *, overwrite: bool = False
    ) -> Iterator[Unit]:
        for file in self.file.root.elements("file"):
            position = f"{self.file.name}, line {file.line}"
            check_languages(
                position, "source", file.attributes.get("source-language"), source_lang
            )
            written = file.attributes.get("target-language")
            if lang := check_languages(position, "target", written, target_lang):
                yield self._set_language(file, lang)
            for unit, is_translated in _find_units(file):
                yield self._make_unit(unit, is_translated, overwrite)

    def write(self, edits: Sequence[Edit]) -> bytes:
        return self.file.write(edits)

    def _read(self, element: Element) -> Content:
        return read_content(self.file, element)

    def _set_language(self, file: Element, lang: str) -> Unit:
        """Make the unit that sets the language of the translations where it is not set."""
        tag = self.file.start_tag(file)
        if file.attributes.get("target-language"):
            return Unit(file.line)
        edit = Edit(file.start, file.content_start, set_attributes(tag, target_language=lang))
        return Unit(file.line, edit=lambda _: [edit])

    def _make_unit(self, unit: Element, is_translated: bool, overwrite: bool) -> Unit:
        """Find out what of a unit is to be translated."""
        source, target = unit.element("source"), unit.element("target")
        if source is None:
            raise ValueError(f"{self.file.name}, line {unit.line}: {NO_SOURCE}")
        if not is_translated:
            return Unit(unit.line, kept='marked as translate="no"')
        if target is not None and has_content(target) and not self._is_copy(source, target):
            if _is_approved(unit) or target.attributes.get("state") in APPROVED:
                return Unit(unit.line, kept="with an approved translation")
            if not overwrite:
                return Unit(unit.line, kept="with a translation")
        elif _is_approved(unit):
            return Unit(unit.line, kept="with an approved translation")
        if not has_content(source):
            return Unit(unit.line, kept="without text")
        template = unit.element("seg-source") or source
        segments = list(_find_segments(template)) or [template]
        edit = self._fill(template, segments, source, target)
        return Unit(unit.line, [self._read(segment) for segment in segments], edit)

    def _is_copy(self, source: Element, target: Element) -> bool:
        """Whether a target is a copy of its source that waits for a translation."""
        texts = {self._read(each).text.strip() for each in (source, target)}
        return target.attributes.get("state") in UNTRANSLATED and len(texts) == 1

    def _fill(
        self,
        template: Element,
        segments: Sequence[Element],
        source: Element,
        target: Element | None,
    ) -> Callable[[Sequence[Content]], Sequence[Edit]]:
        """Return the function that puts translations of segments into the target."""

        def fill(translations: Sequence[Content]) -> list[Edit]:
            content, place = "", template.content_start
            for segment, translation in zip(segments, translations, strict=True):
                content += self.file.raw(place, segment.content_start) + translation.write()
                place = segment.content_end
            content += self.file.raw(place, template.content_end)
            return [
                write_target(
                    self.file,
                    source,
                    target,
                    template,
                    content,
                    state="needs-review-translation",
                    state_qualifier="mt-suggestion",
                )
            ]

        return fill


NO_SOURCE = "a unit without a source. Write a <source>, or take the unit out"


def _find_units(file: Element) -> Iterator[tuple[Element, bool]]:
    """Find the units of a file, in order, and whether they are to be translated."""
    stack = [(body, True) for body in file.elements("body")]
    while stack:
        element, is_translated = stack.pop()
        is_translated = {"yes": True, "no": False}.get(
            element.attributes.get("translate", ""), is_translated
        )
        if element.name == "trans-unit":
            yield element, is_translated
            continue
        stack += [
            (child, is_translated)
            for child in element.children[::-1]
            if isinstance(child, Element) and child.name in ("group", "bin-unit", "trans-unit")
        ]


def _find_segments(template: Element) -> Iterator[Element]:
    """Find the marked segments of a segmented source."""
    stack = template.children[::-1] if template.name == "seg-source" else []
    while stack:
        child = stack.pop()
        if isinstance(child, str):
            continue
        if child.name == "mrk" and child.attributes.get("mtype") == "seg":
            yield child
        else:
            stack += child.children[::-1]


def _is_approved(unit: Element) -> bool:
    return unit.attributes.get("approved") == "yes"
