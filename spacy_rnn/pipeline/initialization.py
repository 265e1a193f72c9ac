"""Initialization that several components share."""

import warnings
from collections.abc import Callable, Iterable
from itertools import islice

from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.training import Example

from ..architectures.known_words import count_words


def initialize_labels(
    component: TrainablePipe,
    get_examples: Callable[[], Iterable[Example]],
    labels: Iterable[str],
    count_scores: Callable[[], int],
) -> None:
    """Add labels to a component, and build its model for them and for the training data's words.

    component (TrainablePipe): The component.
    get_examples (Callable[[], Iterable[Example]]): Returns the training data.
    labels (Iterable[str]): The labels.
    count_scores (Callable[[], int]): Returns the number of scores for each token, once the
        labels are added.
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
    size = count_scores()
    component.model.initialize(X=sample, Y=[alloc(len(doc), size) for doc in sample])
    if component.model.get_dim("nO") != size:
        raise ValueError(
            f"The model has nO = {component.model.get_dim('nO')} scores for a token, but the "
            f"labels need {size}: {', '.join(component.labels)}. Set nO to null"
        )


def warn_without_weight(nlp: Language | None, name: str, factory: str, score: str) -> None:
    """Warn if no score of a component has a weight, as its name is not that of its factory.

    The default weights of scores begin with the name of the factory, the scores themselves with
    that of the component.

    nlp (Language | None): The pipeline, if it is known.
    name (str): The name of the component.
    factory (str): The name of its factory.
    score (str): The main score of the component, without its name.
    """
    if nlp is None or factory in nlp.pipe_names:
        return
    weights = nlp.config["training"]["score_weights"]
    weighted = [key for key, weight in weights.items() if weight]
    has_weight = any(key.startswith(f"{name}_") for key in weighted)
    if not has_weight and any(key.startswith(f"{factory}_") for key in weighted):
        warnings.warn(
            f'No score of "{name}" has a weight, but those of "{factory}" have, which is not in '
            f"the pipeline: to choose the best model by it, set {name}_{score} = 1.0 in "
            f"[training.score_weights]",
            stacklevel=3,
        )
