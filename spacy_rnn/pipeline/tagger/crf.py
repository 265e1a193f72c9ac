"""A tagger that predicts the most probable sequence of labels."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.types import Floats2d

from ...architectures.crf import best_labels, distill_sequences, label_probabilities
from ...architectures.growth import get_unseen
from ...types import Labeller, LabelScores
from .component import RecurrentTagger


class CRFTagger(RecurrentTagger):
    """Label tokens with the most probable sequence of labels.

    The settings are those of `make_tagger`.
    RAISES (ValueError): If a setting is out of its bounds, or needs a softmax.
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
        # Preset labels constrain the sequence around them.
        preset = np.concatenate([self._preset_labels(doc) for doc in docs])
        allowed, unseen = None, get_unseen(self.model)
        if preset.any() or unseen:
            is_preset = (preset[:, None] == self._label_keys()) & (preset[:, None] != 0)
            allowed = is_preset | ~is_preset.any(axis=1, keepdims=True)
            allowed[:, unseen] = is_preset[:, unseen]
        labels = best_labels(crf, scores, allowed)
        if not confidence:
            return labels, None
        return labels, label_probabilities(crf, scores, labels, allowed)

    def get_loss(
        self, examples: Iterable[Example], scores: LabelScores
    ) -> tuple[float, list[Floats2d]]:
        """Compute the loss and the gradient of the scores.

        The gradients of the weights of the CRF accumulate until the next step.

        examples (Iterable[Example]): The examples. Missing labels are marginalised over.
        scores (LabelScores): The scores that the model computed for them.
        RETURNS (tuple[float, list[Floats2d]]): The negative log-likelihood of the labels, and
            the gradient of the scores.
        RAISES (ValueError): If a label was not known when the tagger was initialized.
        """
        inputs = (scores, self._allowed(self._gold_labels(examples)))
        losses, backprop = self.model.get_ref("crf").begin_update(inputs)
        return float(losses.sum()), backprop(self.model.ops.xp.ones_like(losses))

    def _allowed(self, gold: list[str | None]) -> np.ndarray:
        """Return whether gold annotation allows each label at each token, `(tokens, labels)`."""
        single = np.eye(len(self.labels), dtype=bool)
        rows = dict(zip(self.labels, single, strict=True))
        for label in self.labels:
            rows.setdefault(self.cfg["neg_prefix"] + label, ~rows[label])
        rows[None] = np.ones(len(self.labels), dtype=bool)
        return np.stack([rows[label] for label in gold])

    def _distill(self, earlier: Labeller, docs: list[Doc]) -> float:
        return distill_sequences(self.model, earlier, docs)
