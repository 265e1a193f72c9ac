"""Rehearsal: a component learns to predict what it predicted when its training was resumed."""

from collections.abc import Iterable
from typing import Any

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d
from thinc.util import get_array_module

from .examples import list_examples


class RehearsingPipe(TrainablePipe):
    """A component that can learn from what it predicted before."""

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from what was predicted when training was resumed.

        examples (Iterable[Example]): Examples, whose annotation is not read.
        drop (float): The dropout rate.
        sgd (Optimizer | None): The optimizer.
        losses (dict[str, float] | None): Losses to add to.
        RETURNS (dict[str, float]): The losses: 0 where `nlp.resume_training` was not called.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        batch = list_examples(examples, f"{type(self).__name__}.rehearse")
        docs = [example.predicted for example in batch if len(example.predicted)]
        earlier: Any = self._rehearsal_model
        if earlier is None or not docs:
            return losses
        set_dropout_rate(self.model, drop)
        losses[self.name] += float(self._distill(earlier, docs))
        if sgd is not None:
            self.finish_update(sgd)
        return losses

    def _distill(self, earlier: Model, docs: list[Doc]) -> float:
        """Add the gradients that bring predictions closer to an earlier model's; return the loss.

        earlier (Model): The earlier model.
        docs (list[Doc]): Documents with tokens.
        RETURNS (float): The loss.
        """
        raise NotImplementedError


def distill_probabilities(
    scores: Floats2d, expected: Floats2d, exclusive: bool = True
) -> tuple[float, Floats2d]:
    """Compare probabilities with those of an earlier model, by the labels that it has.

    scores (Floats2d): The probabilities, `(items, labels)`.
    expected (Floats2d): Those of the earlier model, `(items, earlier labels)`.
    exclusive (bool): Whether those of an item sum to 1.
    RETURNS (tuple[float, Floats2d]): The loss, and the gradient of the scores.
    """
    known = scores[:, : expected.shape[1]]
    if exclusive:
        known = known / known.sum(axis=1, keepdims=True)
    gradient = get_array_module(scores).zeros_like(scores)
    gradient[:, : expected.shape[1]] = known - expected
    return float((gradient**2).sum()), gradient
