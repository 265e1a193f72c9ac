"""Glossaries: terms that a translation has to have, for the command that translates."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from spacy.language import Language
from spacy.pipeline import SpanRuler
from spacy.tokens import Doc

from ..training.readers.pairs import open_pairs

if TYPE_CHECKING:
    from ..pipeline.translator.component import RecurrentTranslator


def add_glossary(nlp: Language, translator: "RecurrentTranslator", path: Path) -> None:
    """Have spaCy's span ruler mark the terms of a glossary before they are translated.

    nlp (Language): The pipeline of the translator.
    translator (RecurrentTranslator): The translator.
    path (Path): A file of two columns, in a format that `convert` reads: source words, and what
        stands for them, as `parse_forms` reads it. Words without capitals are found with them,
        too. Rows with the same source are forms of one term.
    RAISES (ValueError): If a row lacks a column, or the glossary has no rows.
    """
    from ..pipeline.translator.terms import parse_forms

    forms: dict[str, list[str]] = {}
    for source, target in _read_rows(path):
        forms.setdefault(source, []).append(target)
    for source, targets in forms.items():
        try:
            parse_forms("|".join(targets))
        except ValueError as error:
            raise ValueError(f'{path}, the rows of "{source}": {error}') from error
    if not forms:
        raise ValueError(f"The glossary {path} is empty: write source words, a tab, and theirs")
    ruler = cast(
        "SpanRuler",
        nlp.add_pipe(
            "span_ruler",
            name=f"{translator.name}_glossary",
            before=translator.name,
            config={
                "spans_key": translator.terms.spans_key,
                "spans_filter": {"@misc": "spacy.first_longest_spans_filter.v1"},
                "overwrite": False,
                "scorer": None,
            },
        ),
    )
    ruler.add_patterns(
        [
            {
                "label": translator.terms.label,
                "pattern": _make_pattern(nlp.make_doc(source)),
                "id": "|".join(targets),
            }
            for source, targets in forms.items()
        ]
    )


def _read_rows(path: Path) -> Iterator[tuple[str, str]]:
    from ..pipeline.translator.terms import parse_forms

    for pair in open_pairs(path, ())():
        sides = [" ".join((side or "").split()) for side in pair.sides]
        source, target = sides if len(sides) == 2 else ("", "")
        try:
            if not source or not target:
                raise ValueError(pair.fault or "a column is empty: write both, or drop the line")
            parse_forms(target)
        except ValueError as error:
            raise ValueError(f"{path}, line {pair.number}: {error}") from error
        yield source, target


def _make_pattern(doc: Doc) -> list[dict[str, Any]]:
    """Make a pattern of tokens, which ignores case unless there are capitals."""
    if doc.text.islower():
        return [{"LOWER": token.lower_} for token in doc]
    return [{"ORTH": token.text} for token in doc]
