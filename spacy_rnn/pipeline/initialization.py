"""Initialization that several components share."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline import TrainablePipe

from ..architectures.growth import forget_unseen
from ..architectures.known_words import (
    count_words,
    find_counting,
    get_word_counts,
    retain_words,
    set_word_counts,
)
from .examples import GetExamples, are_dummies, track_examples

STREAM_SAMPLE = 100
"""The documents that spaCy initializes with where a corpus is a stream."""


def read_labels(name: str, data: Any) -> tuple[list[str] | None, list[dict] | None]:
    """Split what `spacy init labels` wrote into labels and counts of words.

    name (str): The name of the component.
    data (Any): Labels, or what `make_label_data` returned. None for those of the training data.
    RETURNS (tuple[list[str] | None, list[dict] | None]): The labels, and the counts, each None to
        take them from the training data.
    RAISES (ValueError): If it is anything else. The letters of a string and the keys of a
        dictionary would become labels.
    """
    if data is None:
        return None, None
    if isinstance(data, Mapping) and data.keys() == {"labels", "word_counts"}:
        return list(data["labels"]), data["word_counts"]
    if isinstance(data, str | bytes | Mapping) or not isinstance(data, Iterable):
        raise ValueError(
            f'The labels of "{name}" are {data!r:.80}: pass a list of strings, as spacy init '
            f"labels writes it"
        )
    return list(data), None


def make_label_data(component: TrainablePipe) -> dict[str, Any] | tuple[str, ...]:
    """Return labels for `spacy init labels`, and with them the counts of words that are needed.

    component (TrainablePipe): A component with labels.
    RETURNS (dict[str, Any] | tuple[str, ...]): The labels, or a dictionary with them and the
        counts.
    """
    if embeddings := find_counting(component.model):
        return {"labels": list(component.labels), "word_counts": get_word_counts(embeddings)}
    return tuple(component.labels)


def initialize_words(
    component: TrainablePipe,
    get_examples: GetExamples,
    counts: list[dict] | None,
    nlp: Language | None,
) -> None:
    """Count the words of the training data, if an embedding of a component needs to know them.

    component (TrainablePipe): The component.
    get_examples (GetExamples): Returns the training data.
    counts (list[dict] | None): Their counts, as `make_label_data` returned them. None to count.
    nlp (Language | None): The pipeline.
    RAISES (ValueError): If the training data are a part of a stream, or none, or the counts are
        those of other embeddings.
    """
    embeddings = find_counting(component.model)
    if not embeddings:
        return
    if counts is not None:
        set_word_counts(embeddings, counts)
    else:
        check_complete(component.name, get_examples, nlp, "counts the words of its training data")
        examples = track_examples(get_examples, "Counting words")
        count_words(embeddings, (example.predicted for example in examples))
    retain_words(embeddings, True)  # Pretrained weights are loaded after this.


def check_complete(
    name: str,
    get_examples: GetExamples,
    nlp: Language | None,
    purpose: str,
    way_out: str | None = None,
) -> None:
    """Refuse training data that are the beginning of a stream, or that spaCy made up.

    name (str): The name of the component.
    get_examples (GetExamples): Returns the training data.
    nlp (Language | None): The pipeline, whose config says whether the corpus is a stream.
    purpose (str): What the component does with them.
    way_out (str | None): What else to do. None to write labels.
    RAISES (ValueError): If they are not all.
    """
    labels = f"labels/{name}.json"
    way_out = way_out or (
        f"write what it needs by spacy init labels config.cfg labels --training.max_epochs 0, "
        f"and add [initialize.components.{name}] and [initialize.components.{name}.labels] with "
        f'@readers = "spacy.read_labels.v1", path = "{labels}"'
    )
    first = list(islice(get_examples(), STREAM_SAMPLE + 1))
    if are_dummies(first):
        raise ValueError(
            f'"{name}" {purpose}, but nlp.initialize was called without any: pass it a function '
            f"that returns examples, or {way_out}"
        )
    if len(first) != STREAM_SAMPLE:
        return
    if nlp is not None and nlp.config.interpolate()["training"]["max_epochs"] == -1:
        raise ValueError(
            f'"{name}" {purpose}, but with max_epochs = -1 it is given the first {len(first)} '
            f"documents alone: {way_out}"
        )
    warnings.warn(
        f'"{name}" {purpose}, but it is given {len(first)} documents, as many as spaCy takes '
        f"from a stream. If there are more, {way_out}",
        stacklevel=4,
    )


def initialize_labels(
    component: TrainablePipe,
    get_examples: GetExamples,
    labels: Iterable[str],
    count_scores: Callable[[], int],
) -> None:
    """Add labels to a component, and build its model for them.

    component (TrainablePipe): The component.
    get_examples (GetExamples): Returns the training data.
    labels (Iterable[str]): The labels.
    count_scores (Callable[[], int]): Returns the number of scores for each token, once the
        labels are added.
    RAISES (ValueError): If there are no labels, no examples, or another number of scores.
    """
    for label in labels:
        component.add_label(label)
    component._require_labels()
    sample = [example.predicted for example in islice(get_examples(), 10)]
    if not sample:
        raise ValueError(Errors.E923.format(name=component.name))
    alloc = component.model.ops.alloc2f
    size = count_scores()
    component.model.initialize(X=sample, Y=[alloc(len(doc), size) for doc in sample])
    forget_unseen(component.model)
    if component.model.get_dim("nO") != size:
        raise ValueError(
            f"The model has nO = {component.model.get_dim('nO')} scores for a token, but the "
            f"labels need {size}: {', '.join(component.labels)}. Set nO to null"
        )


def warn_without_weight(
    nlp: Language | None, name: str, factory: str, score: str, *others: str
) -> None:
    """Warn if no score of a component has a weight, as its name is not that of its factory.

    The default weights of scores begin with the name of the factory, the scores themselves with
    that of the component.

    nlp (Language | None): The pipeline, if it is known.
    name (str): The name of the component.
    factory (str): The name of its factory.
    score (str): The main score of the component, without its name.
    others (str): Its scores whose keys do not begin with its name.
    """
    if nlp is None or factory in nlp.pipe_names:
        return
    weights = nlp.config["training"]["score_weights"]
    weighted = [key for key, weight in weights.items() if weight]
    has_weight = any(key.startswith(f"{name}_") or key in others for key in weighted)
    if not has_weight and any(key.startswith(f"{factory}_") for key in weighted):
        warnings.warn(
            f'No score of "{name}" has a weight, but those of "{factory}" have, which is not in '
            f"the pipeline: to choose the best model by it, set {name}_{score} = 1.0 in "
            f"[training.score_weights]",
            stacklevel=3,
        )
