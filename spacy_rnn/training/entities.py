"""White space at the ends of annotated entities, which recognizers never predict."""

from collections.abc import Callable

from spacy.tokens import Doc, Span


def trim_entities(doc: Doc) -> int:
    """Take white space off the ends of entities, in place.

    Entities of nothing else are left out. What is taken off is outside of all entities.

    doc (Doc): An annotated document.
    RETURNS (int): The number of entities that changed.
    """
    trimmed, outside = [], []
    n_changed = 0
    for entity in doc.ents:
        words = [token.i for token in entity if not token.is_space]
        start, end = (words[0], words[-1] + 1) if words else (entity.end, entity.end)
        edges = [span for span in (doc[entity.start : start], doc[end : entity.end]) if len(span)]
        n_changed += bool(edges)
        outside += edges
        if edges and words:
            label, kb_id, span_id = entity.label, entity.kb_id, entity.id
            trimmed.append(Span(doc, start, end, label, kb_id=kb_id, span_id=span_id))
    if n_changed:
        doc.set_ents(trimmed, outside=outside, default="unmodified")
    return n_changed


def warn_of_trimmed(count: int, warn: Callable[[str], object]) -> None:
    """Say that entities had white space at their ends, if any had.

    count (int): The number of such entities.
    warn (Callable[[str], object]): Called with the warning.
    """
    if count:
        warn(
            f"{count} entities began or ended with white space, which was taken off; those of "
            f"nothing else were left out"
        )
