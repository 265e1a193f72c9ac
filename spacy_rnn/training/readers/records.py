"""Annotated records, such as those of the phrasebook, as documents."""

from collections.abc import Iterable
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import get_words_and_spaces


def make_annotated_doc(
    nlp: Language, text: str, record: dict[Any, Any], intents: Iterable[str] = ()
) -> Doc:
    """Make a document of a text, with the annotation that its record has.

    nlp (Language): The pipeline whose tokenizer cuts the text, if the record does not say how.
    text (str): The text.
    record (dict[Any, Any]): May hold tokens, tags (universal part-of-speech tags), entities
        (`[start_char, end_char, label]`) and intent.
    intents (Iterable[str]): All intents of the corpus: categories of 0.0 but for the record's
        own.
    RETURNS (Doc): The document.
    RAISES (ValueError): If the annotation does not fit the text.
    """
    doc = nlp.make_doc(text)
    tokens, tags = record.get("tokens"), record.get("tags")
    if tokens is not None or tags is not None:
        doc = _make_tagged(doc, tokens, tags)
    if (entities := record.get("entities")) is not None:
        _set_entities(doc, entities)
    if (intent := record.get("intent")) is not None:
        if not isinstance(intent, str):
            raise ValueError(f"The intent is {intent!r}: write the name of a category")
        doc.cats = dict.fromkeys(intents, 0.0) | {intent: 1.0}
    return doc


def _make_tagged(doc: Doc, tokens: list[str] | None, tags: list[str] | None) -> Doc:
    """Cut the text as the record does, and tag its tokens."""
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
    """Mark the entities; all other tokens are in none."""
    spans = []
    for entity in entities:
        if [type(value) for value in entity] != [int, int, str]:
            raise ValueError(f"The entity {entity!r} is not [start_char, end_char, label]")
        start, end, label = entity
        span = doc.char_span(start, end, label=label)
        if span is None:
            raise ValueError(
                f"The entity {label} at [{start}, {end}], {doc.text[start:end]!r}, does not start "
                f"and end with tokens of {doc.text!r}: correct its characters"
            )
        spans.append(span)
    doc.set_ents(spans)
