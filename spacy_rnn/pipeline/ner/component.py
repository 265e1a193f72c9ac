"""An entity recognizer that predicts the most probable set of entities."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from spacy.errors import Errors
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import check_lexeme_norms
from spacy.vocab import Vocab
from thinc.types import Floats2d

from ...architectures.crf import distill_sequences
from ...architectures.growth import get_unseen, note_seen
from ...batching import batch_by_length
from ...bridge.flat import unflatten
from ...checks import check_at_least, check_count
from ...extensions import ensure_extension, ensure_label_extension
from ...nn.crf.biluo import OUT, read_tags
from ...training.entities import trim_entities
from ...types import Labeller, LabelScores
from ..annotation import annotate_stream
from ..examples import list_examples, track_examples
from ..initialization import (
    initialize_labels,
    initialize_words,
    make_label_data,
    read_labels,
)
from ..rehearsal import RehearsingPipe
from ..storage import StoredPipe, check_labels
from .entity_sets import CONFIDENCE, ENTS_NBEST, EntitySet, NERSettings, find_sets, write_sets
from .gold import allow_gold, allow_preset, count_unlearnable, gold_tags


class RecurrentEntityRecognizer(StoredPipe, RehearsingPipe):
    """Recognize named entities: the most probable set in each document, by a CRF.

    The settings are those of `make_entity_recognizer`.

    doc.ents (tuple[Span, ...]): The entities. Existing ones stay, and constrain the others.
    token.ent_iob (int): Whether the token begins an entity, is inside or outside of one.
    token.ent_type (int): The label of the entity; as text `token.ent_type_`.
    span._.confidence (float | None): The probability that an entity of `doc.ents` is there, with
        these boundaries and this label, with `confidence`. None for existing entities, and once
        the label is changed.
    doc._.ents_nbest (list[dict] | None): The n best sets of entities, the best first, if
        `n_best` is above 1: each a "probability", and "entities" as tuples of first token, token
        after the last, and label.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Labeller,
        name: str = "rnn_ner",
        *,
        scorer: Callable | None,
        confidence: bool,
        n_best: int,
        false_negative_cost: float,
        max_batch_tokens: int,
    ):
        check_at_least("false_negative_cost", false_negative_cost, 0)
        check_count("max_batch_tokens", max_batch_tokens, 1)
        if not model.has_ref("crf"):
            raise ValueError(
                f'The model of "{name}" has no CRF: choose spacy-rnn.EntityRecognizer.v1'
            )
        super().__init__(vocab, model, name, labels=[])
        self.scorer = scorer
        self.false_negative_cost = false_negative_cost
        self.max_batch_tokens = max_batch_tokens
        self.settings = NERSettings(confidence, n_best)
        self._rehearsal_model: Labeller | None = None
        self._warned_of_unlearnable = False
        self._ensure_extensions()

    def _ensure_extensions(self) -> None:
        ensure_label_extension(CONFIDENCE, Span, "label_")
        ensure_extension(ENTS_NBEST, Doc)

    @property
    def labels(self) -> tuple[str, ...]:
        """tuple[str, ...]: The labels of entities."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> dict[str, Any] | tuple[str, ...]:
        """dict[str, Any] | tuple[str, ...]: The labels, for `spacy init labels`.

        With counts of words, if an embedding needs them.
        """
        return make_label_data(self)

    @property
    def _types(self) -> dict[int, int]:
        return {self.vocab.strings.add(label): i for i, label in enumerate(self.labels)}

    @property
    def _n_tags(self) -> int:
        return 4 * len(self.labels) + 1

    def add_label(self, label: str) -> int:
        """Add a label, also after training. It is predicted once an update has seen it.

        label (str): The label.
        RETURNS (int): 1, or 0 if the label exists already.
        RAISES (ValueError): If the model has a fixed number of labels.
        """
        if not isinstance(label, str):
            raise ValueError(Errors.E187)
        if label in self.labels:
            return 0
        is_full = self.model.has_dim("nO") and self.model.get_dim("nO") <= self._n_tags
        if is_full and not self.is_resizable:
            raise ValueError(Errors.E922.format(name=self.name, nO=self.model.get_dim("nO")))
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self.is_resizable:
            self.set_output(self._n_tags)
        return 1

    def check_loaded(self) -> None:
        check_labels(self, self._n_tags)

    # Prediction

    def __call__(self, doc: Doc, *, batch_size: int = 1, **settings: Any) -> Doc:
        """Recognize the entities of one document.

        doc (Doc): The document.
        batch_size (int): Unused. spaCy passes it along with the settings of a call.
        settings (Any): `confidence` and `n_best` of this call.
        RETURNS (Doc): The document itself.
        """
        return next(self.pipe([doc], **settings), doc)

    def pipe(
        self,
        stream: Iterable[Doc],
        *,
        batch_size: int = 128,
        confidence: bool | None = None,
        n_best: int | None = None,
    ) -> Iterator[Doc]:
        """Recognize the entities of a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): The number of documents to read ahead and to sort by length.
        confidence (bool | None): Whether to write confidences in this call, set by
            `component_cfg={"rnn_ner": {"confidence": False}}`. None for the setting of the
            component.
        n_best (int | None): The number of sets of entities to predict in this call. None for the
            setting of the component.
        YIELDS (Doc): The documents, in order.
        RAISES (ValueError): If a setting is out of its bounds.
        """
        self._ensure_extensions()
        settings = self.settings
        if confidence is not None:
            settings = replace(settings, confidence=confidence)
        if n_best is not None:
            settings = replace(settings, n_best=n_best)

        def recognize_batch(docs: list[Doc]) -> None:
            self.set_annotations(docs, self._predict(docs, settings))

        yield from annotate_stream(self, stream, batch_size, recognize_batch)

    def predict(self, docs: Iterable[Doc]) -> list[list[EntitySet]]:
        """Predict the entities of documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[list[EntitySet]]): The n best sets of entities of each.
        """
        return self._predict(list(docs), self.settings)

    def _predict(self, docs: list[Doc], settings: NERSettings) -> list[list[EntitySet]]:
        certain = None if settings.n_best == 1 else 1.0
        sets = [[EntitySet([], certain)] for _ in docs]
        for batch in batch_by_length(
            [len(doc) for doc in docs], self.max_batch_tokens, min_length=1, longest_first=True
        ):
            batch_docs = [docs[index] for index in batch]
            unseen = get_unseen(self.model)
            allowed = allow_preset(batch_docs, self._types, self._n_tags, unseen)
            batch_sets = find_sets(self.model, batch_docs, self.labels, allowed, settings)
            for index, doc_sets in zip(batch, batch_sets, strict=True):
                sets[index] = doc_sets
        return sets

    def set_annotations(self, docs: Iterable[Doc], scores: list[list[EntitySet]]) -> None:
        """Write entities to documents. Preset entities are not changed.

        docs (Iterable[Doc]): The documents.
        scores (list[list[EntitySet]]): Their sets of entities, as `predict` returned them.
        """
        for doc, sets in zip(docs, scores, strict=True):
            write_sets(doc, sets)

    # Training

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
        RAISES (ValueError): If there are no examples or no labels.
        """
        validate_get_examples(get_examples, "RecurrentEntityRecognizer.initialize")
        check_lexeme_norms(self.vocab, "ner")
        self._warn_of_unlearnable(track_examples(get_examples, "Checking entities"))
        names, word_counts = read_labels(self.name, labels)
        initialize_words(self, get_examples, word_counts, nlp)
        if names is None:
            examples = track_examples(get_examples, "Collecting labels")
            names = sorted(
                {entity.label_ for example in examples for entity in example.reference.ents}
            )
        initialize_labels(self, get_examples, names, lambda: self._n_tags)

    def update(self, examples: Iterable[Example], **settings: Any) -> dict[str, float]:
        """Learn from a batch of documents.

        examples (Iterable[Example]): Examples. Missing annotation is marginalised over.
        settings (Any): Dropout rate, optimizer and losses, as in stock spaCy.
        RETURNS (dict[str, float]): The losses.
        RAISES (ValueError): If an example has a label that was not known at initialization.
        """
        # What spaCy is given may be read once only, but it reads it several times.
        examples = list_examples(examples, "RecurrentEntityRecognizer.update")
        return super().update(examples, **settings)

    def get_loss(
        self, examples: Iterable[Example], scores: LabelScores
    ) -> tuple[float, list[Floats2d]]:
        """Compute the loss and the gradient of the scores.

        The gradients of the weights of the CRF accumulate until the next step.

        examples (Iterable[Example]): The examples. Missing annotation is marginalised over.
        scores (LabelScores): The scores that the model computed for them.
        RETURNS (tuple[float, list[Floats2d]]): The negative log-likelihood of the entities,
            and the gradient of the scores.
        RAISES (ValueError): If a label was not known when the component was initialized.
        """
        examples = list(examples)
        validate_examples(examples, "RecurrentEntityRecognizer.get_loss")
        unlearnable: list[Example] = []
        tags = gold_tags(examples, self._types, unlearnable.append)
        if unlearnable and not self._warned_of_unlearnable:
            self._warn_of_unlearnable(unlearnable)
        if get_unseen(self.model):
            seen = np.unique(read_tags(tags[tags > OUT])[1])
            note_seen(self.model, (1 + 4 * seen[:, None] + np.arange(4)).ravel())
        inputs = (self._add_cost(scores, tags), allow_gold(tags, self._n_tags))
        losses, backprop = self.model.get_ref("crf").begin_update(inputs)
        return float(losses.sum()), backprop(self.model.ops.xp.ones_like(losses))

    def _warn_of_unlearnable(self, examples: Iterable[Example]) -> None:
        counts = count_unlearnable(examples)
        self._warned_of_unlearnable = any(counts)
        if self._warned_of_unlearnable:
            warnings.warn(
                f'"{self.name}" predicts entities that begin and end with a word and lie within '
                f"a sentence, but its training data have entities {counts}. Correct the "
                f"annotation if that is not meant",
                stacklevel=3,
            )

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score predicted entities.

        White space at the ends of annotated entities is outside of them, as in training.

        examples (Iterable[Example]): Examples with predictions.
        kwargs (Any): Arguments of the scorer.
        RETURNS (dict[str, Any]): The scores of the scorer.
        """
        return super().score([_trim_reference(example) for example in examples], **kwargs)

    def _distill(self, earlier: Labeller, docs: list[Doc]) -> float:
        return distill_sequences(self.model, earlier, docs)

    def _add_cost(self, scores: LabelScores, tags: np.ndarray) -> LabelScores:
        """Raise the score of "outside" at the tokens of entities.

        This is the softmax-margin of Gimpel & Smith (2010).
        """
        if not self.false_negative_cost:
            return scores
        ops = self.model.ops
        flat = ops.flatten(scores)
        flat[:, OUT] += self.false_negative_cost * ops.asarray1f(tags > OUT)
        return unflatten(flat, map(len, scores))


def _trim_reference(example: Example) -> Example:
    """Return an example without white space at the ends of annotated entities."""
    if not any(entity[0].is_space or entity[-1].is_space for entity in example.reference.ents):
        return example
    reference = example.reference.copy()
    trim_entities(reference)
    return Example(example.predicted, reference)
