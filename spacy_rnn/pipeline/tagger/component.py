"""A tagger that gives each token a label by itself."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, cast

import numpy as np
from spacy.attrs import ORTH
from spacy.errors import Errors
from spacy.language import Language
from spacy.parts_of_speech import IDS as UPOS
from spacy.pipeline.tagger import Tagger
from spacy.tokens import Doc, Token
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import check_lexeme_norms, minibatch
from spacy.vocab import Vocab
from thinc.api import CategoricalCrossentropy
from thinc.types import Floats2d

from ...batching import batch_by_length
from ...bridge.flat import unflatten
from ...checks import check_choice, check_count
from ...extensions import ensure_extension
from ...metrics.tagging import score_tags
from ...types import Labeller, LabelScores
from ..batching import annotate_safely
from ..initialization import initialize_labels, warn_without_weight
from .stream import TagStream

ATTRS = ("tag", "pos", "morph")


class Tags(NamedTuple):
    """What is predicted for a document.

    labels (np.ndarray): The number of each token's label.
    confidences (np.ndarray | None): How probable each is, where that was asked for.
    """

    labels: np.ndarray
    confidences: np.ndarray | None


class RecurrentTagger(Tagger):
    """Give each token a label, each by itself.

    The settings are those of its factory.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Labeller,
        name: str = "rnn_tagger",
        *,
        attr: str = "tag",
        overwrite: bool = False,
        scorer: Callable | None = score_tags,
        neg_prefix: str = "!",
        label_smoothing: float = 0.0,
        confidence: bool = False,
        max_batch_tokens: int = 10000,
    ):
        check_choice("attr", attr, ATTRS)
        check_count("max_batch_tokens", max_batch_tokens, 1)
        super().__init__(
            vocab,
            model,
            name,
            overwrite=overwrite,
            scorer=scorer,
            neg_prefix=neg_prefix,
            label_smoothing=label_smoothing,
        )
        self.attr = attr
        self.confidence = confidence
        self.max_batch_tokens = max_batch_tokens
        ensure_extension(self.confidence_attr, Token)

    @property
    def confidence_attr(self) -> str:
        """str: The custom attribute of tokens that holds how probable their label is."""
        return f"{self.attr}_confidence"

    # Prediction

    def __call__(self, doc: Doc, *, batch_size: int = 1, **settings: Any) -> Doc:
        """Tag one document.

        doc (Doc): The document.
        batch_size (int): Not needed: spaCy hands it over with the settings of a call.
        settings (Any): `confidence`, to change it for this call.
        RETURNS (Doc): The same document.
        """
        return next(self.pipe([doc], **settings), doc)

    def pipe(
        self, stream: Iterable[Doc], *, batch_size: int = 128, confidence: bool | None = None
    ) -> Iterator[Doc]:
        """Tag a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): Documents to read ahead, and to sort by length.
        confidence (bool | None): Whether to write confidences in this call, by
            `component_cfg={"rnn_tagger": {"confidence": True}}`. None for what is set.
        YIELDS (Doc): The same documents in order.
        """
        ensure_extension(self.confidence_attr, Token)
        wanted = self.confidence if confidence is None else confidence

        def tag_batch(docs: list[Doc]) -> None:
            self.set_annotations(docs, self._predict(docs, wanted))

        for docs in minibatch(stream, size=batch_size):
            yield from annotate_safely(self, docs, tag_batch)

    def predict(self, docs: Iterable[Doc]) -> list[Tags]:
        """Tag documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[Tags]): The labels of each.
        """
        return self._predict(list(docs), self.confidence)

    def _predict(self, docs: list[Doc], confidence: bool) -> list[Tags]:
        nothing = np.empty(0)
        tags = [Tags(nothing.astype(int), nothing if confidence else None) for _ in docs]
        for batch in batch_by_length(
            [len(doc) for doc in docs], self.max_batch_tokens, min_length=1, longest_first=True
        ):
            own = [docs[index] for index in batch]
            labels, confidences = self._decode(own, self.model.predict(own), confidence)
            start = 0
            for index in batch:
                end = start + len(docs[index])
                some = None if confidences is None else confidences[start:end]
                tags[index] = Tags(labels[start:end], some)
                start = end
        return tags

    def _decode(
        self, docs: list[Doc], scores: LabelScores, confidence: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Choose the labels of all tokens, one document's after the other's."""
        ops = self.model.ops
        flat = ops.flatten(scores)
        labels = flat.argmax(axis=1)
        if not confidence:
            return ops.to_numpy(labels), None
        softmax = self.model.get_ref("softmax")
        if not softmax.attrs["softmax_normalize"]:
            flat = ops.softmax(flat, temperature=softmax.attrs["softmax_temperature"])
        return ops.to_numpy(labels), ops.to_numpy(flat.max(axis=1))

    def set_annotations(self, docs: Iterable[Doc], batch_tag_ids: list[Tags]) -> None:
        """Write labels to documents.

        docs (Iterable[Doc]): The documents.
        batch_tag_ids (list[Tags]): What `predict` returned for them.
        """
        keys = self._label_keys()
        for doc, (labels, confidences) in zip(docs, batch_tag_ids, strict=True):
            old = self._labels_to_keep(doc)
            new = cast(Any, np.where(old, old, keys[labels]))
            doc.from_array([self.attr], new)
            if confidences is not None:
                for token, known, each in zip(doc, old, confidences.tolist(), strict=True):
                    if not known:  # How probable a label is that was there before, is not.
                        token._.set(self.confidence_attr, each)

    def _label_keys(self) -> np.ndarray:
        """Give the labels as spaCy stores them."""
        add = self.vocab.morphology.add if self.attr == "morph" else self.vocab.strings.add
        return np.array([add(label) for label in self.labels], dtype="uint64")

    def _labels_to_keep(self, doc: Doc) -> np.ndarray:
        """Give what is set already and stays, and 0 for all other tokens."""
        if self.cfg["overwrite"]:
            return np.zeros(len(doc), dtype="uint64")
        return doc.to_array([self.attr])

    def stream(self, state: bytes | None = None) -> TagStream:
        """Tag a text that comes token by token, for as long as it comes.

        state (bytes | None): What `TagStream.to_bytes` returned, to go on from there.
        RETURNS (TagStream): The stream, to be entered by `with`. Any number may be open side by
            side.
        RAISES (ValueError): If the encoder does not read forward alone, or the state is that of
            another tagger.
        """
        return TagStream(self.vocab, self.model, self.labels, state)

    # Training

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
    ) -> None:
        """Find the labels, and build the model for them.

        get_examples (Callable[[], Iterable[Example]]): Gives the training data.
        nlp (Language | None): The pipeline.
        labels (list[str] | None): The labels, where they are known, by `spacy init labels`.
        RAISES (ValueError): If there are no examples or no labels, or a label is none that the
            attribute may have.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        check_lexeme_norms(self.vocab, "tagger")
        warn_without_weight(nlp, self.name, "rnn_tagger", "acc")
        if labels is None:
            keys = {
                key
                for example in get_examples()
                for key in np.unique(example.reference.to_array([self.attr])).tolist()
            }
            prefix = self.cfg["neg_prefix"]
            labels = sorted({self.vocab.strings[key].removeprefix(prefix) for key in keys if key})
            if "" in labels:
                raise ValueError(
                    f'There is a label "{prefix}", which is what marks labels that a token does '
                    f"not have: set neg_prefix to something that no label begins with"
                )
        all_labels = {*labels, *self.labels}
        if self.attr == "pos" and (wrong := sorted(all_labels - UPOS.keys())):
            raise ValueError(
                f'These are no universal parts of speech: {", ".join(wrong)}. With attr = "pos" '
                f"labels have to be some of {', '.join(sorted(filter(None, UPOS)))}: for others "
                f'set attr to "tag"'
            )
        initialize_labels(self, get_examples, labels, lambda: len(self.labels))

    def get_loss(
        self, examples: Iterable[Example], scores: LabelScores
    ) -> tuple[float, list[Floats2d]]:
        """Compute the loss, and its gradient.

        examples (Iterable[Example]): The examples. Tokens without a label are passed over.
        scores (LabelScores): What the model gives for them.
        RETURNS (tuple[float, list[Floats2d]]): The loss, and the gradient of the scores.
        RAISES (ValueError): If a label was not known when the tagger was initialized, or the loss
            is no number.
        """
        several = len(self.labels) > 1  # There is nothing to spread one label over.
        loss = CategoricalCrossentropy(
            names=self.labels,
            normalize=False,
            neg_prefix=self.cfg["neg_prefix"],
            label_smoothing=self.cfg["label_smoothing"] if several else 0.0,
        )
        ops = self.model.ops
        # One call for the batch instead of one for each document.
        gradient, total = loss(ops.flatten(scores), cast(Any, self._truths(examples)))
        if np.isnan(total):
            raise ValueError(Errors.E910.format(name=self.name))
        return float(total), unflatten(gradient, map(len, scores))

    def _truths(self, examples: Iterable[Example]) -> list[str | None]:
        """Give the label of each token of all examples, None where it is not known."""
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.get_loss")
        labels: dict[int, str | None] = {0: None}
        truths = []
        for example in examples:
            keys = self._align_keys(example)
            strings = example.reference.vocab.strings
            labels |= {key: strings[key] for key in set(keys) - labels.keys()}
            truths += [labels[key] for key in keys]
        known = {*self.labels, *(self.cfg["neg_prefix"] + label for label in self.labels)}
        if unknown := {label for label in labels.values() if label} - known:
            raise ValueError(
                f"These labels were not known at initialization: {', '.join(sorted(unknown))}. "
                f"Initialize with examples that have them all, or with a list of labels"
            )
        return truths

    def _align_keys(self, example: Example) -> list[int]:
        """Give the label of each token as spaCy stores it, 0 where it is not known."""
        attr = self.attr.upper()
        annotated = example.reference.to_array([ORTH, attr])
        if np.array_equal(annotated[:, 0], example.predicted.to_array(ORTH)):
            # For the same tokens there is nothing to align, which takes more time than all else.
            return annotated[:, 1].tolist()
        return [key or 0 for key in example.get_aligned(attr)]

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score predicted labels.

        examples (Iterable[Example]): Examples with predictions.
        RETURNS (dict[str, Any]): The scorer's scores, and the accuracy once more under a name
            that is the same for each attribute, by which the best model is chosen: of several
            taggers in a pipeline, that of the last one.
        """
        if self.scorer is None:
            return {}
        # spaCy's own scorers have an attribute each, and pass over this setting.
        scores = self.scorer(examples, token_attr=self.attr, **kwargs)
        return scores | {f"{self.name}_acc": scores.get(f"{self.attr}_acc")}
