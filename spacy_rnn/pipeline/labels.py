"""How components that label tokens are initialized."""

from collections.abc import Callable, Iterable
from itertools import islice

from spacy.errors import Errors
from spacy.pipeline import TrainablePipe
from spacy.training import Example

from ..architectures.known_words import count_words


def initialize_labels(
    component: TrainablePipe,
    get_examples: Callable[[], Iterable[Example]],
    labels: Iterable[str],
    outputs: Callable[[], int],
) -> None:
    """Add labels, and build the model for them and for the words of the training data.

    component (TrainablePipe): The component.
    get_examples (Callable[[], Iterable[Example]]): Gives the training data.
    labels (Iterable[str]): The labels.
    outputs (Callable[[], int]): Tells, once they are there, how many scores a token has.
    RAISES (ValueError): If there are no labels, no examples, or another number of scores.
    """
    for label in labels:
        component.add_label(label)
    component._require_labels()
    count_words(component.model, (example.predicted for example in get_examples()))
    sample = [example.predicted for example in islice(get_examples(), 10)]
    if not sample:
        raise ValueError(Errors.E923.format(name=component.name))
    alloc = component.model.ops.alloc2f
    component.model.initialize(X=sample, Y=[alloc(len(doc), outputs()) for doc in sample])
    if component.model.get_dim("nO") != outputs():
        raise ValueError(
            f"The model has nO = {component.model.get_dim('nO')} scores for a token, but the "
            f"labels need {outputs()}: {', '.join(component.labels)}. Set nO to null"
        )
