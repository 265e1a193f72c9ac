"""Translate documents with mark-up, for the command that translates lines."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.language import Language

from ..checks import check_choice
from ..progress import track

if TYPE_CHECKING:
    from ..pipeline.translator.component import RecurrentTranslator


def check_markup(markup: str) -> None:
    """Refuse another mark-up than there is.

    markup (str): The mark-up.
    RAISES (ValueError): If there is no such one.
    """
    from ..pipeline.translator.markup.documents import MARKUPS

    check_choice("markup", markup, MARKUPS)


def translate_document(
    nlp: Language,
    translator: "RecurrentTranslator",
    source: str | None,
    markup: str,
    *,
    attributes: list[str],
    encoding: str | None,
    batch_size: int,
    settings: dict[str, Any],
) -> bytes:
    """Translate a file with mark-up, or standard input.

    nlp (Language): The pipeline of the translator.
    translator (RecurrentTranslator): The translator.
    source (str | None): The file; None for standard input.
    markup (str): The mark-up.
    attributes (list[str]): The names of attributes that are translated.
    encoding (str | None): The encoding; None for the one that the document declares, or UTF-8.
    batch_size (int): The number of texts to read ahead.
    settings (dict[str, Any]): Settings of the translator.
    RETURNS (bytes): The translated document, in the same encoding.
    RAISES (OSError): If the file cannot be read.
    RAISES (ValueError): If it cannot be decoded, or is XML that is not well-formed.
    """
    from ..pipeline.translator.markup.documents import MarkedUp
    from ..pipeline.translator.markup.encodings import decode, encode

    name = source or "Standard input"
    data = sys.stdin.buffer.read() if source is None else Path(source).read_bytes()
    text, encoding = decode(data, name, encoding)
    try:
        document = MarkedUp.read(text, markup, attributes)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    docs = nlp.pipe(
        document.texts(),
        batch_size=batch_size,
        component_cfg={translator.name: {**settings, "detail": "alignments"}},
    )
    total = len(document.parts)
    docs = track(docs, "Translating", total=total, unit="texts")
    return encode(document.write(docs, translator.attr), encoding)
