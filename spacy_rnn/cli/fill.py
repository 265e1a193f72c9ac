"""Fill the files of translators: XLIFF, translation memories and catalogues of gettext."""

import re
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Hashable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.language import Language
from spacy.tokens import Doc

from ..progress import track
from ..text.bilingual.base import TranslationFile
from ..text.bilingual.edits import Edit
from ..text.bilingual.inline import Content, InlineTag, keep_protected
from ..training.readers.base import TranslationReader
from ..training.readers.bilingual import open_translations
from ..training.readers.registry import find_reader
from .messages import note

if TYPE_CHECKING:
    from ..pipeline.translator.component import RecurrentTranslator


def find_file_reader(source: str | None, format: str | None) -> TranslationReader | None:
    """Find the reader of what is to be translated, if that is a file to be filled.

    source (str | None): The file; None for standard input.
    format (str | None): Its format; None for that of its suffix.
    RETURNS (TranslationReader | None): The reader; None if lines or records are translated.
    RAISES (ValueError): If there is no such format.
    """
    if source is None and format is None:
        return None
    reader = find_reader(source or "", format)
    return reader if isinstance(reader, TranslationReader) else None


def open_file(reader: TranslationReader, source: str | None) -> TranslationFile:
    """Open a file to be filled.

    reader (TranslationReader): The reader of its format.
    source (str | None): The file; None for standard input.
    RETURNS (TranslationFile): The file.
    RAISES (ValueError): If there is no such file, or it is malformed.
    """
    if source is None:
        return reader.open(sys.stdin.buffer.read(), "Standard input")
    return open_translations(reader.open, Path(source))


def refuse_options(why: str, options: dict[str, Any]) -> None:
    """Refuse options that were given and have no use here.

    why (str): Why they have none.
    options (dict[str, Any]): Their values by their names; those that were not given are false.
    RAISES (ValueError): If one was given.
    """
    for name, value in options.items():
        if value:
            raise ValueError(f"{name} {why}: leave it out")


def report_filled(filled: int, kept: Counter[str]) -> None:
    """Print how many units of a file were translated, and which were left as they are.

    filled (int): The number of those that were translated.
    kept (Counter[str]): The numbers of the others, by what they have or lack.
    """
    note(f"Units translated: {filled}")
    for reason, number in sorted(kept.items()):
        note(f"Units left as they are, {reason}: {number}")


def fill_file(
    nlp: Language,
    translator: "RecurrentTranslator",
    file: TranslationFile,
    *,
    source_lang: str | None = None,
    target_lang: str | None = None,
    overwrite: bool = False,
    batch_size: int = 1000,
    settings: dict[str, Any] | None = None,
) -> tuple[bytes, int, Counter[str]]:
    """Translate what lacks a translation in a file.

    nlp (Language): The pipeline of the translator.
    translator (RecurrentTranslator): The translator.
    file (TranslationFile): The file.
    source_lang (str | None): The language that is translated from; None for that of the pipeline.
    target_lang (str | None): The language of the translations; None for `trg_lang` of the
        translator, or else that of the file.
    overwrite (bool): Whether to translate again what has a translation that nobody has approved.
    batch_size (int): The number of texts to read ahead.
    settings (dict[str, Any] | None): Settings of the translator for this file.
    RETURNS (tuple[bytes, int, Counter[str]]): The file, how many of its units were translated, and
        how many were not, by what they have or lack.
    RAISES (ValueError): If the file is in other languages, or malformed.
    """
    if nlp.lang != "xx":
        source_lang = source_lang or nlp.lang
    target_lang = target_lang or translator.trg_lang
    units = list(file.units(source_lang, target_lang, overwrite=overwrite))
    contents = [content for unit in units for content in unit.contents]
    settings = dict(settings or {})
    if any(content.tags for content in contents):
        settings["detail"] = "alignments"
    docs = nlp.pipe(
        (content.text for content in contents),
        batch_size=batch_size,
        component_cfg={translator.name: settings},
    )
    docs = track(docs, "Translating", total=len(contents))
    translations = (
        _translate(content, doc, target_lang, translator.attr)
        for content, doc in zip(contents, docs, strict=True)
    )
    edits: list[Edit] = []
    for unit in units:
        edits += unit.edit(list(islice(translations, len(unit.contents))))
    kept = Counter(unit.kept for unit in units if unit.kept)
    return file.write(edits), sum(bool(unit.contents) for unit in units), kept


def _translate(content: Content, doc: Doc, lang: str | None, attr: str) -> Content:
    """Return the translation of a content, with its tags."""
    from ..pipeline.translator.nesting import Tag
    from ..pipeline.translator.tags import project_tags

    text = doc._.get(attr)
    if not content.tags:
        return Content(text)
    raws: dict[Hashable, deque[str]] = defaultdict(deque)
    for tag in content.tags:
        raws[tag.element].append(tag.raw)
    tags = [
        InlineTag(tag.position, tag.element, raws[tag.element].popleft())
        for tag in project_tags(
            doc,
            [Tag(tag.position, tag.element) for tag in content.tags],
            partial(_make_target_doc, lang=lang),
            attr,
        )
    ]
    return keep_protected(content, Content(text, tags))


def _make_target_doc(text: str, lang: str | None) -> Doc:
    """Make the tokens of a translation, by the rules for all languages if spaCy lacks its own."""
    from ..pipeline.translator.projection import blank_pipeline

    try:
        nlp = blank_pipeline(re.split("[-_]", lang or "xx")[0].lower())
    except ImportError:
        nlp = blank_pipeline("xx")
    return nlp.make_doc(text)
