"""A tagger that labels each token independently of the others."""

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
from spacy.util import check_lexeme_norms
from spacy.vocab import Vocab
from thinc.api import CategoricalCrossentropy
from thinc.types import Floats2d

from ...architectures.growth import get_unseen, note_seen
from ...batching import batch_by_length
from ...bridge.flat import unflatten
from ...checks import check_choice, check_count
from ...extensions import ensure_label_extension
from ...types import Labeller, LabelScores
from ..annotation import annotate_stream
from ..examples import list_examples, track_examples
from ..initialization import (
    initialize_labels,
    initialize_words,
    make_label_data,
    read_labels,
    warn_without_weight,
)
from ..rehearsal import RehearsingPipe, distill_probabilities
from ..storage import StoredPipe, check_labels
from .stream import TagStream

ATTRS = ("tag", "pos", "morph")


class Tags(NamedTuple):
    """Predicted labels of a document.

    labels (np.ndarray): The index of each token's label, `(tokens,)`.
    confidences (np.ndarray | None): The probability of each label, `(tokens,)`. None if it was
        not requested.
    """

    labels: np.ndarray
    confidences: np.ndarray | None


class RecurrentTagger(StoredPipe, RehearsingPipe, Tagger):
    """Label tokens with tags, parts of speech or morphology, by a softmax or a CRF.

    The settings are those of `make_tagger`, which makes a `CRFTagger` of a model with a CRF.

    token.tag (str): The tag, if `attr` is "tag"; as text `token.tag_`.
    token.pos (str): The part of speech, if `attr` is "pos"; as text `token.pos_`.
    token.morph (MorphAnalysis): The morphology, if `attr` is "morph".
    token._.tag_confidence (float | None): The probability of the label, with `confidence`;
        `token._.pos_confidence` or `token._.morph_confidence` for the other two. None once the
        label is changed.
    """

    trained_for = ("attr",)

    def __init__(
        self,
        vocab: Vocab,
        model: Labeller,
        name: str = "rnn_tagger",
        *,
        attr: str,
        overwrite: bool,
        scorer: Callable | None,
        neg_prefix: str,
        label_smoothing: float,
        confidence: bool,
        max_batch_tokens: int,
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
        self.cfg["attr"] = attr
        self.attr = attr
        self.confidence = confidence
        self.max_batch_tokens = max_batch_tokens
        self._ensure_extensions()

    def _ensure_extensions(self) -> None:
        label = "morph" if self.attr == "morph" else f"{self.attr}_"
        ensure_label_extension(self.confidence_attr, Token, label)

    @property
    def confidence_attr(self) -> str:
        """str: The custom attribute of tokens that holds the probability of their label."""
        return f"{self.attr}_confidence"

    def check_loaded(self) -> None:
        check_labels(self, len(self.labels))

    # Prediction

    def __call__(self, doc: Doc, *, batch_size: int = 1, **settings: Any) -> Doc:
        """Tag one document.

        doc (Doc): The document.
        batch_size (int): Unused. spaCy passes it along with the settings of a call.
        settings (Any): `confidence` of this call.
        RETURNS (Doc): The document itself.
        """
        return next(self.pipe([doc], **settings), doc)

    def pipe(
        self, stream: Iterable[Doc], *, batch_size: int = 128, confidence: bool | None = None
    ) -> Iterator[Doc]:
        """Tag a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): The number of documents to read ahead and to sort by length.
        confidence (bool | None): Whether to write confidences in this call, set by
            `component_cfg={"rnn_tagger": {"confidence": True}}`. None for the setting of the
            component.
        YIELDS (Doc): The documents, in order.
        """
        self._ensure_extensions()
        with_confidence = self.confidence if confidence is None else confidence

        def tag_batch(docs: list[Doc]) -> None:
            self.set_annotations(docs, self._predict(docs, with_confidence))

        yield from annotate_stream(self, stream, batch_size, tag_batch)

    def predict(self, docs: Iterable[Doc]) -> list[Tags]:
        """Predict the labels of documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[Tags]): The labels of each.
        """
        return self._predict(list(docs), self.confidence)

    def _predict(self, docs: list[Doc], confidence: bool) -> list[Tags]:
        empty = np.empty(0)
        tags = [Tags(empty.astype(int), empty if confidence else None) for _ in docs]
        for batch in batch_by_length(
            [len(doc) for doc in docs], self.max_batch_tokens, min_length=1, longest_first=True
        ):
            batch_docs = [docs[index] for index in batch]
            scores = self.model.predict(batch_docs)
            labels, confidences = self._decode(batch_docs, scores, confidence)
            start = 0
            for index in batch:
                end = start + len(docs[index])
                tags[index] = Tags(
                    labels[start:end], None if confidences is None else confidences[start:end]
                )
                start = end
        return tags

    def _decode(
        self, docs: list[Doc], scores: LabelScores, confidence: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Decode the scores of a batch into the labels of all its tokens.

        With them come their probabilities, if requested.
        """
        ops = self.model.ops
        flat = ops.flatten(scores)
        flat[:, get_unseen(self.model)] = -np.inf
        labels = flat.argmax(axis=1)
        if not confidence:
            return ops.to_numpy(labels), None
        return ops.to_numpy(labels), ops.to_numpy(self._normalise(self.model, flat).max(axis=1))

    def _normalise(self, model: Labeller, scores: Floats2d) -> Floats2d:
        """Return predicted scores as probabilities."""
        softmax = model.get_ref("softmax")
        if softmax.attrs["softmax_normalize"]:
            return scores
        return model.ops.softmax(scores, temperature=softmax.attrs["softmax_temperature"])

    def set_annotations(self, docs: Iterable[Doc], batch_tag_ids: list[Tags]) -> None:
        """Write labels to documents.

        docs (Iterable[Doc]): The documents.
        batch_tag_ids (list[Tags]): Their labels, as `predict` returned them.
        """
        keys = self._label_keys()
        for doc, (labels, confidences) in zip(docs, batch_tag_ids, strict=True):
            if doc.vocab is not self.vocab:
                self._label_keys(doc.vocab)
            preset = self._preset_labels(doc)
            doc.from_array([self.attr], cast(Any, np.where(preset, preset, keys[labels])))
            if confidences is not None:
                confidence_of_token = zip(doc, preset, confidences.tolist(), strict=True)
                for token, is_preset, confidence in confidence_of_token:
                    if not is_preset:  # The model did not predict preset labels.
                        token._.set(self.confidence_attr, confidence)

    def _label_keys(self, vocab: Vocab | None = None) -> np.ndarray:
        """Return the labels as spaCy stores them, `(labels,)`, and add them to a vocabulary."""
        vocab = self.vocab if vocab is None else vocab
        add = vocab.morphology.add if self.attr == "morph" else vocab.strings.add
        return np.array([add(label) for label in self.labels], dtype="uint64")

    def _preset_labels(self, doc: Doc) -> np.ndarray:
        """Return the label of each token that is set and not to be overwritten, else 0."""
        if self.cfg["overwrite"]:
            return np.zeros(len(doc), dtype="uint64")
        return doc.to_array([self.attr])

    def stream(self, state: bytes | None = None) -> TagStream:
        """Open a stream that tags a text of any length token by token.

        state (bytes | None): Stored state to continue from, as `TagStream.to_bytes` returned it.
        RETURNS (TagStream): The stream, to be entered by `with`. Any number may be open side by
            side.
        RAISES (ValueError): If the encoder is bidirectional, or the state is that of another
            tagger.
        """
        return TagStream(self.vocab, self.model, self.labels, state)

    # Training

    def add_label(self, label: str) -> int:
        """Add a label, also after training. It is predicted once an update has seen it.

        label (str): The label.
        RETURNS (int): 1, or 0 if the label exists already.
        RAISES (ValueError): If the attribute cannot have the label, or the model has a fixed
            number of labels.
        """
        if isinstance(label, str):
            self._check_attr([label])
        added = super().add_label(label)
        if added and self.is_resizable:
            self.set_output(len(self.labels))
        return added

    def _check_attr(self, labels: Iterable[str]) -> None:
        """Refuse labels that the attribute cannot have."""
        if self.attr == "pos" and (wrong := sorted({*labels} - UPOS.keys())):
            raise ValueError(
                f'These are no universal parts of speech: {", ".join(wrong)}. With attr = "pos" '
                f"labels have to be among {', '.join(sorted(filter(None, UPOS)))}: for others "
                f'set attr to "tag"'
            )

    def update(self, examples: Iterable[Example], **settings: Any) -> dict[str, float]:
        """Learn from a batch of documents.

        examples (Iterable[Example]): Examples. Tokens without a label are ignored.
        settings (Any): Dropout rate, optimizer and losses, as in stock spaCy.
        RETURNS (dict[str, float]): The losses.
        RAISES (ValueError): If an example has a label that was not known at initialization.
        """
        # What spaCy is given may be read once only, but it reads it several times.
        examples = list_examples(examples, f"{type(self).__name__}.update")
        return super().update(examples, **settings)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, Any] | list[str] | None = None,
    ) -> None:
        """Collect the labels and build the model for them.

        get_examples (Callable[[], Iterable[Example]]): Returns the training data.
        nlp (Language | None): The pipeline.
        labels (dict[str, Any] | list[str] | None): The labels, and perhaps counts of words, as
            `spacy init labels` writes them. None to collect them from the training data.
        RAISES (ValueError): If there are no examples or no labels, or the attribute cannot have
            one of the labels.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        check_lexeme_norms(self.vocab, "tagger")
        warn_without_weight(nlp, self.name, "rnn_tagger", "acc", f"{self.attr}_acc")
        names, word_counts = read_labels(self.name, labels)
        initialize_words(self, get_examples, word_counts, nlp)
        if names is None:
            names = self._collect_labels(track_examples(get_examples, "Collecting labels"))
        self._check_attr(filter(None, names))
        initialize_labels(self, get_examples, names, lambda: len(self.labels))

    def _collect_labels(self, examples: Iterable[Example]) -> list[str]:
        names: dict[int, str] = {}
        for example in examples:
            strings = example.reference.vocab.strings
            keys = np.unique(example.reference.to_array([self.attr])).tolist()
            names |= {key: strings[key] for key in keys if key and key not in names}
        prefix = self.cfg["neg_prefix"]
        labels = sorted({label.removeprefix(prefix) for label in names.values()})
        if "" in labels:
            raise ValueError(
                f'There is a label "{prefix}", which is the prefix of labels that a token '
                f"does not have: set neg_prefix to a prefix that no label begins with"
            )
        return labels

    @property
    def label_data(self) -> dict[str, Any] | tuple[str, ...]:
        """dict[str, Any] | tuple[str, ...]: The labels, for `spacy init labels`.

        With counts of words, if an embedding needs them.
        """
        return make_label_data(self)

    def get_loss(
        self, examples: Iterable[Example], scores: LabelScores
    ) -> tuple[float, list[Floats2d]]:
        """Compute the loss and the gradient of the scores.

        examples (Iterable[Example]): The examples. Tokens without a label are ignored.
        scores (LabelScores): The scores that the model computed for them.
        RETURNS (tuple[float, list[Floats2d]]): The loss, and the gradient of the scores.
        RAISES (ValueError): If a label was not known when the tagger was initialized, or the loss
            is NaN.
        """
        several = len(self.labels) > 1  # There are no others to smooth a single label over.
        loss = CategoricalCrossentropy(
            names=self.labels,
            normalize=False,
            neg_prefix=self.cfg["neg_prefix"],
            label_smoothing=self.cfg["label_smoothing"] if several else 0.0,
        )
        ops = self.model.ops
        # One call for the batch instead of one for each document.
        gradient, total = loss(ops.flatten(scores), cast(Any, self._gold_labels(examples)))
        if np.isnan(total):
            raise ValueError(Errors.E910.format(name=self.name))
        return float(total), unflatten(gradient, map(len, scores))

    def _distill(self, earlier: Labeller, docs: list[Doc]) -> float:
        ops = self.model.ops
        scores, backprop = self.model.begin_update(docs)
        expected = self._normalise(earlier, ops.flatten(earlier.predict(docs)))
        loss, gradient = distill_probabilities(ops.flatten(scores), expected)
        backprop(unflatten(gradient, map(len, docs)))
        return loss

    def _gold_labels(self, examples: Iterable[Example]) -> list[str | None]:
        """Return the gold label of each token of all examples, None where it is missing."""
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.get_loss")
        names: dict[int, str | None] = {0: None}
        gold = []
        for example in examples:
            keys = self._align_keys(example)
            strings = example.reference.vocab.strings
            names |= {key: strings[key] for key in set(keys) - names.keys()}
            gold += [names[key] for key in keys]
        known = {*self.labels, *(self.cfg["neg_prefix"] + label for label in self.labels)}
        if unknown := {label for label in names.values() if label} - known:
            raise ValueError(
                f"These labels were not known at initialization: {', '.join(sorted(unknown))}. "
                f"Add them by add_label, or initialize with examples that have them all or with "
                f"a list of labels"
            )
        seen = [index for index in get_unseen(self.model) if self.labels[index] in names.values()]
        note_seen(self.model, seen)
        return gold

    def _align_keys(self, example: Example) -> list[int]:
        """Return the gold label of each token as spaCy stores it, 0 where it is missing."""
        attr = self.attr.upper()
        annotated = example.reference.to_array([ORTH, attr])
        if np.array_equal(annotated[:, 0], example.predicted.to_array(ORTH)):
            # The tokens are the same: alignment would take longer than the rest of the loss.
            return annotated[:, 1].tolist()
        return [key or 0 for key in example.get_aligned(attr)]

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score predicted labels.

        examples (Iterable[Example]): Examples with predictions.
        kwargs (Any): Arguments of the scorer.
        RETURNS (dict[str, Any]): The scores of the scorer, and the accuracy once more by the name
            of the component, "acc", whatever the attribute.
        """
        if self.scorer is None:
            return {}
        # The scorers of spaCy ignore token_attr: each has an attribute of its own.
        scores = self.scorer(examples, token_attr=self.attr, **kwargs)
        return scores | {f"{self.name}_acc": scores.get(f"{self.attr}_acc")}
