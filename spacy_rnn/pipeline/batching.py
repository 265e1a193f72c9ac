"""Batches of documents in which a failing document costs no other its annotation."""

from collections.abc import Callable, Iterator

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc


def annotate_safely(
    component: TrainablePipe, docs: list[Doc], annotate: Callable[[list[Doc]], None]
) -> Iterator[Doc]:
    """Annotate documents together, or one by one where that fails.

    component (TrainablePipe): Whose error handler gets the documents that fail.
    docs (list[Doc]): The documents.
    annotate (Callable[[list[Doc]], None]): Writes to them.
    YIELDS (Doc): Those that were annotated, in order.
    """
    try:
        annotate(docs)
    except Exception as error:
        if len(docs) == 1:
            component.get_error_handler()(component.name, component, docs, error)
            return
        for doc in docs:
            yield from annotate_safely(component, [doc], annotate)
    else:
        yield from docs
