"""Rehearsal: a component learns to predict what it predicted when its training was resumed."""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model, Optimizer, set_dropout_rate

from .examples import list_examples


def rehearse(
    component: TrainablePipe,
    examples: Iterable[Example],
    distill: Callable[[Model, list[Doc]], float],
    *,
    drop: float = 0.0,
    sgd: Optimizer | None = None,
    losses: dict[str, float] | None = None,
) -> dict[str, float]:
    """Learn from what a component predicted before. Gold annotation is not read.

    component (TrainablePipe): The component.
    examples (Iterable[Example]): Examples.
    distill (Callable[[Model, list[Doc]], float]): Adds the gradients that bring the predictions
        for documents closer to those of an earlier model, and returns the loss.
    drop (float): The dropout rate.
    sgd (Optimizer | None): The optimizer.
    losses (dict[str, float] | None): Losses to add to.
    RETURNS (dict[str, float]): The losses: 0 where `nlp.resume_training` was not called.
    """
    losses = {} if losses is None else losses
    losses.setdefault(component.name, 0.0)
    batch = list_examples(examples, f"{type(component).__name__}.rehearse")
    docs = [example.predicted for example in batch if len(example.predicted)]
    earlier: Any = component._rehearsal_model
    if earlier is None or not docs:
        return losses
    set_dropout_rate(component.model, drop)
    losses[component.name] += float(distill(earlier, docs))
    if sgd is not None:
        component.finish_update(sgd)
    return losses
