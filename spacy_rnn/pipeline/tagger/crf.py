"""A tagger that finds the labels that are the most probable together."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.types import Floats2d

from ...architectures.crf import best_labels, label_probabilities
from ...types import Labeller, LabelScores
from .component import RecurrentTagger


class CRFTagger(RecurrentTagger):
    """Give tokens the labels that are the most probable together.

    The settings are those of its factory.
    RAISES (ValueError): If a setting is out of its bounds, or is for a softmax alone.
    """

    def __init__(self, vocab: Vocab, model: Labeller, name: str = "rnn_tagger", **settings: Any):
        if smoothing := settings.get("label_smoothing"):
            raise ValueError(
                f"label_smoothing is {smoothing}, but a CRF has none: set it to 0, or choose "
                f'output = "softmax"'
            )
        super().__init__(vocab, model, name, **settings)

    def _decode(
        self, docs: list[Doc], scores: LabelScores, confidence: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        crf = self.model.get_ref("crf")
        # The labels around those that are set already are the most probable beside these.
        kept = np.concatenate([self._labels_to_keep(doc) for doc in docs])
        allowed = None
        if kept.any():
            known = (kept[:, None] == self._label_keys()) & (kept[:, None] != 0)
            allowed = known | ~known.any(axis=1, keepdims=True)
        labels = best_labels(crf, scores, allowed)
        if not confidence:
            return labels, None
        return labels, label_probabilities(crf, scores, labels, allowed)

    def get_loss(
        self, examples: Iterable[Example], scores: LabelScores
    ) -> tuple[float, list[Floats2d]]:
        """Compute the loss, and its gradient. That of the CRF's own weights is kept for the
        next step.

        examples (Iterable[Example]): The examples. What is not known is marginalised over.
        scores (LabelScores): What the model gives for them.
        RETURNS (tuple[float, list[Floats2d]]): The negative log-likelihood of the labels, and
            the gradient of the scores.
        RAISES (ValueError): If a label was not known when the tagger was initialized.
        """
        inputs = (scores, self._allowed(self._truths(examples)))
        losses, backprop = self.model.get_ref("crf").begin_update(inputs)
        return float(losses.sum()), backprop(self.model.ops.xp.ones_like(losses))

    def _allowed(self, truths: list[str | None]) -> np.ndarray:
        """Tell which labels may be right at each token."""
        single = np.eye(len(self.labels), dtype=bool)
        rows = dict(zip(self.labels, single, strict=True))
        for label in self.labels:
            rows.setdefault(self.cfg["neg_prefix"] + label, ~rows[label])
        rows[None] = np.ones(len(self.labels), dtype=bool)
        return np.stack([rows[label] for label in truths])

    def rehearse(self, examples: Iterable[Example], **settings: Any) -> dict[str, float]:
        """Refuse: what the CRF was before is not in the scores that rehearsal compares.

        RAISES (ValueError): Always.
        """
        raise ValueError(
            f'"{self.name}" cannot rehearse, because it has a CRF: choose output = "softmax", or '
            f"disable it while others rehearse"
        )
