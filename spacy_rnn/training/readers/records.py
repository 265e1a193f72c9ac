"""Documents of annotated records, such as those of the phrasebook."""

from collections.abc import Iterable
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import get_words_and_spaces

from .base import Record


def make_annotated_doc(
    nlp: Language,
    text: str,
    record: Record,
    labels: Iterable[str] = (),
    label_field: str = "intent",
) -> Doc:
    """Make a document of a text with the annotation of its record.

    nlp (Language): The pipeline whose tokenizer splits the text, unless the record has tokens.
    text (str): The text.
    record (Record): May have the columns "tokens", "tags" (universal part-of-speech tags),
        "entities" (`[start_char, end_char, label]`) and a class. White space at the ends of an
        entity is taken off; an entity of nothing else is left out.
    labels (Iterable[str]): All classes of the corpus: categories of 0.0, except for that of the
        record.
    label_field (str): The column of the class.
    RETURNS (Doc): The document.
    RAISES (ValueError): If the annotation does not fit the text.
    """
    doc = nlp.make_doc(text)
    tokens, tags = record.get("tokens"), record.get("tags")
    if tokens is not None or tags is not None:
        doc = _make_tagged(doc, tokens, tags)
    if (entities := record.get("entities")) is not None:
        _set_entities(doc, entities)
    if (label := record.get(label_field)) is not None:
        if not isinstance(label, str):
            raise ValueError(f"The {label_field} is {label!r}: write the name of a category")
        doc.cats = dict.fromkeys(labels, 0.0) | {label: 1.0}
    return doc


def count_untrimmed(text: str, record: Record) -> int:
    """Count the entities of a record that have white space at an end.

    text (str): Its text.
    record (Record): The record, whose annotation fits the text.
    RETURNS (int): Their number.
    """
    spans = (text[start:end] for start, end, _ in record.get("entities") or ())
    return sum(span != span.strip() for span in spans)


def _make_tagged(doc: Doc, tokens: list[str] | None, tags: list[str] | None) -> Doc:
    """Make a document of the tokens and tags of a record."""
    if tokens is None:
        tokens = [token.text for token in doc]
    try:
        words, spaces = get_words_and_spaces(tokens, doc.text)
    except ValueError as error:
        raise ValueError(
            f"The tokens {tokens} are not those of {doc.text!r}: correct one of the two"
        ) from error
    if tags is not None and len(tags) != len(words):
        raise ValueError(
            f"{len(tags)} tags for the {len(words)} tokens {words}: write one for each"
        )
    return Doc(doc.vocab, words=words, spaces=spaces, tags=tags, pos=tags)


def _set_entities(doc: Doc, entities: list[list[Any]]) -> None:
    """Set the entities; all other tokens are outside of any."""
    spans = []
    for entity in entities:
        if [type(value) for value in entity] != [int, int, str]:
            raise ValueError(f"The entity {entity!r} is not [start_char, end_char, label]")
        start, end, label = entity
        annotated = doc.text[start:end]
        if annotated and not annotated.strip():
            continue
        start += len(annotated) - len(annotated.lstrip())
        end -= len(annotated) - len(annotated.rstrip())
        span = doc.char_span(start, end, label=label)
        if span is None:
            raise ValueError(
                f"The entity {label} at [{start}, {end}], {doc.text[start:end]!r}, does not start "
                f"and end with tokens of {doc.text!r}: correct its characters"
            )
        spans.append(span)
    doc.set_ents(spans)
