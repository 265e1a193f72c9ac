"""Annotation of a stream of documents, in which a failing document costs no other."""

from collections.abc import Callable, Iterable, Iterator

from spacy.errors import Errors
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.util import minibatch


def annotate_stream(
    component: TrainablePipe,
    stream: Iterable[Doc],
    batch_size: int,
    annotate: Callable[[list[Doc]], None],
) -> Iterator[Doc]:
    """Annotate a stream of documents, batch by batch.

    Where a batch fails, its documents are annotated one by one, and those that fail alone are
    passed to the error handler of the component: for one that is not initialized spaCy's E109.

    component (TrainablePipe): The component that annotates.
    stream (Iterable[Doc]): The documents.
    batch_size (int): The number of documents to annotate together.
    annotate (Callable[[list[Doc]], None]): Annotates a batch in place.
    YIELDS (Doc): The annotated documents, in order.
    """
    for docs in minibatch(stream, size=batch_size):
        yield from _annotate(component, docs, annotate)


def _annotate(
    component: TrainablePipe, docs: list[Doc], annotate: Callable[[list[Doc]], None]
) -> Iterator[Doc]:
    try:
        annotate(docs)
    except Exception as error:
        if len(docs) == 1:
            if isinstance(error, KeyError) and not _is_initialized(component):
                error = ValueError(Errors.E109.format(name=component.name))
            component.get_error_handler()(component.name, component, docs, error)
            return
        for doc in docs:
            yield from _annotate(component, [doc], annotate)
    else:
        yield from docs


def _is_initialized(component: TrainablePipe) -> bool:
    nodes = component.model.walk()
    return all(node.has_param(name) for node in nodes for name in node.param_names)
