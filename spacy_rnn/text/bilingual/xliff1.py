"""XLIFF 1.2 (OASIS 2008): http://docs.oasis-open.org/xliff/v1.2/os/xliff-core.html."""

from collections.abc import Callable, Iterator, Sequence

from .base import Entry, Text, Unit, always, check_languages
from .edits import Edit
from .inline import Content
from .xliff import XliffFile
from .xml import Element, set_attributes

UNTRANSLATED = ("new", "needs-translation")
DRAFTS = frozenset(
    (
        *UNTRANSLATED,
        "needs-adaptation",
        "needs-l10n",
        "needs-review-translation",
        "needs-review-adaptation",
        "needs-review-l10n",
    )
)
"""States of translations that are not done."""
NO_SOURCE = "a unit without a source. Write a <source>, or take the unit out"


class Xliff1File(XliffFile):
    """A file of XLIFF 1.2.

    file (XmlFile): The file.
    """

    unit = "trans-unit"
    groups = ("body", "group", "bin-unit")
    untranslated = UNTRANSLATED
    approved = ("final", "signed-off")

    def entries(self) -> Iterator[Entry]:
        for file in self.file.root.elements("file"):
            source_lang = file.attributes.get("source-language")
            target_lang = file.attributes.get("target-language")
            for unit, _ in self.find_units(file):
                source, target = unit.element("source"), unit.element("target")
                if source is None:
                    yield Entry(unit.line, source_lang, [], NO_SOURCE)
                    continue
                texts = [Text(source_lang, self.read(source).text.strip())]
                if target is not None:
                    is_draft = target.attributes.get("state") in DRAFTS
                    is_reviewed = _is_approved(unit) or not is_draft
                    texts.append(Text(target_lang, self.read(target).text.strip(), is_reviewed))
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
            for unit, is_translated in self.find_units(file):
                yield self._make_unit(unit, is_translated, overwrite)

    def _set_language(self, file: Element, lang: str) -> Unit:
        """Make the unit that sets the language of the translations where it is not set."""
        tag = self.file.start_tag(file)
        if file.attributes.get("target-language"):
            return Unit(file.line)
        edit = Edit(file.start, file.content_start, set_attributes(tag, target_language=lang))
        return Unit(file.line, edit=always(edit))

    def _make_unit(self, unit: Element, is_translated: bool, overwrite: bool) -> Unit:
        """Find out what of a unit is to be translated."""
        source, target = unit.element("source"), unit.element("target")
        if source is None:
            raise ValueError(f"{self.file.name}, line {unit.line}: {NO_SOURCE}")
        if not is_translated:
            return Unit(unit.line, kept='marked as translate="no"')
        state = None if target is None else target.attributes.get("state")
        kept = self.reason_to_keep(source, target, state, _is_approved(unit), overwrite)
        if kept:
            return Unit(unit.line, kept=kept)
        template = unit.element("seg-source") or source
        segments = list(_find_segments(template)) or [template]
        edit = self._fill(template, segments, source, target)
        return Unit(unit.line, [self.read(segment) for segment in segments], edit)

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
                self.write_target(
                    source,
                    target,
                    template,
                    content,
                    state="needs-review-translation",
                    state_qualifier="mt-suggestion",
                )
            ]

        return fill


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
