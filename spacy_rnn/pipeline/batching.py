"""Batches of documents: of bounded size, and such that one bad document costs no other."""

from collections.abc import Callable, Iterator

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc


def sort_into_batches(lengths: list[int], places: int) -> Iterator[list[int]]:
    """Put what is of similar length together, the longest first.

    lengths (list[int]): How long each thing is.
    places (int): Places of a batch, padding included; one thing alone may take more.
    YIELDS (list[int]): The numbers of those in a batch.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > places:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def batch_worded(docs: list[Doc], words: int) -> Iterator[list[int]]:
    """Put documents of similar length together, those without words left out.

    docs (list[Doc]): The documents.
    words (int): Words of a batch, padding included; one document alone may have more.
    YIELDS (list[int]): The numbers of those in a batch.
    """
    worded = [index for index, doc in enumerate(docs) if len(doc)]
    for batch in sort_into_batches([len(docs[index]) for index in worded], words):
        yield [worded[index] for index in batch]


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
