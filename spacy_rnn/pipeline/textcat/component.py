"""Text classifiers: those of spaCy with attention weights and bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from spacy.language import Language
from spacy.pipeline.textcat import TextCategorizer
from spacy.pipeline.textcat_multilabel import MultiLabel_TextCategorizer
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from thinc.api import Model
from thinc.types import Floats2d

from ...architectures.growth import forget_unseen, get_unseen, note_seen
from ...architectures.text_classifier import attend
from ...batching import batch_by_length
from ...checks import check_count, check_rate
from ...extensions import ensure_extension
from ...types import TextClassifier
from ..annotation import annotate_stream
from ..examples import list_examples, track_examples
from ..initialization import initialize_words, make_label_data, read_labels
from ..missing import DROPPED_CATS, MissingGold
from ..rehearsal import RehearsingPipe, distill_probabilities
from ..storage import StoredPipe, check_labels

ATTENTION = "cats_attention"


class RecurrentTextCategorizer(StoredPipe, RehearsingPipe, TextCategorizer):
    """Classify documents by exclusive classes: each document has one.

    The settings are those of `make_textcat`.

    doc.cats (dict[str, float]): The probability of each class.
    doc._.cats_attention (list[float] | None): The attention weight of each token, which sum to 1,
        with `attention`.
    """

    def __init__(
        self,
        vocab: Any,
        model: Model[list[Doc], Floats2d],
        name: str = "rnn_textcat",
        *,
        threshold: float,
        scorer: Callable | None,
        label_smoothing: float,
        attention: bool,
        max_batch_tokens: int,
    ):
        check_rate("label_smoothing", label_smoothing)
        check_count("max_batch_tokens", max_batch_tokens, 1)
        super().__init__(vocab, model, name, threshold=threshold, scorer=scorer)
        self.label_smoothing = label_smoothing
        self.attention = attention
        self.max_batch_tokens = max_batch_tokens
        self._missing = MissingGold(name, "categories", DROPPED_CATS)
        ensure_extension(ATTENTION)

    def check_loaded(self) -> None:
        check_labels(self, len(self.labels))

    # Prediction

    def __call__(self, doc: Doc, **settings: Any) -> Doc:
        """Classify one document.

        doc (Doc): The document.
        settings (Any): The arguments of `pipe`.
        RETURNS (Doc): The document itself.
        """
        return next(self.pipe([doc], **settings), doc)

    def pipe(
        self, stream: Iterable[Doc], *, batch_size: int = 128, attention: bool | None = None
    ) -> Iterator[Doc]:
        """Classify a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): The number of documents to read ahead and to sort by length.
        attention (bool | None): Whether to write attention weights in this call, set by
            `component_cfg={"rnn_textcat": {"attention": True}}`. None for the setting of the
            component.
        YIELDS (Doc): The documents, in order.
        """
        ensure_extension(ATTENTION)
        attention = self.attention if attention is None else attention

        def classify_batch(docs: list[Doc]) -> None:
            if not attention:
                self.set_annotations(docs, self.predict(docs))
                return
            for batch in self._make_batches(docs):
                batch_docs = [docs[index] for index in batch]
                scores, weights = attend(self.model, batch_docs)
                self.set_annotations(batch_docs, scores)
                for doc, doc_weights in zip(batch_docs, weights, strict=True):
                    doc._.set(ATTENTION, doc_weights)

        yield from annotate_stream(self, stream, batch_size, classify_batch)

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Predict the classes of documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (Floats2d): The probability of each class, `(docs, classes)`.
        """
        docs = list(docs)
        scores = self.model.ops.alloc2f(len(docs), len(self.labels))
        for batch in self._make_batches(docs):
            scores[batch] = self.model.predict([docs[index] for index in batch])
        return scores

    def _make_batches(self, docs: Sequence[Doc]) -> Iterator[list[int]]:
        lengths = [len(doc) for doc in docs]
        for batch in batch_by_length(lengths, self.max_batch_tokens, longest_first=True):
            # Which row of a product a document is can change its last bit.
            yield sorted(batch)

    # Training

    # The labels may come with counts of words.
    def initialize(  # type: ignore[override]
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, Any] | list[str] | None = None,
        positive_label: str | None = None,
    ) -> None:
        """Collect the classes, and build the model for them and for the training data's words.

        get_examples (Callable[[], Iterable[Example]]): Returns the training data.
        nlp (Language | None): The pipeline.
        labels (dict[str, Any] | list[str] | None): The classes, and perhaps counts of words,
            as `spacy init labels` writes them. None to collect them from the training data.
        positive_label (str | None): The class of two that is scored.
        RAISES (ValueError): If there are no examples, or the positive label does not fit the
            classes.
        """
        names = self._initialize_words(get_examples, nlp, labels)
        super().initialize(get_examples, nlp=nlp, labels=names, positive_label=positive_label)
        forget_unseen(self.model)

    def _initialize_words(
        self, get_examples: Callable[[], Iterable[Example]], nlp: Language | None, labels: Any
    ) -> list[str] | None:
        """Count the words of the training data, and return the classes, if they are given."""
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        names, word_counts = read_labels(self.name, labels)
        initialize_words(self, get_examples, word_counts, nlp)
        self._missing.restart()
        examples = track_examples(get_examples, "Checking classes")
        self._missing.check("training", map(self._is_annotated, examples))
        return names

    @property
    def label_data(self) -> Any:
        """dict[str, Any] | tuple[str, ...]: The classes, for `spacy init labels`.

        With counts of words, if an embedding needs them.
        """
        return make_label_data(self)

    def update(self, examples: Iterable[Example], **settings: Any) -> dict[str, float]:
        """Learn from a batch of documents.

        examples (Iterable[Example]): Examples. Those without classes are ignored.
        settings (Any): Dropout rate, optimizer and losses, as in stock spaCy.
        RETURNS (dict[str, float]): The losses.
        RAISES (ValueError): If an example has a class that was not known at initialization.
        """
        examples = list_examples(examples, f"{type(self).__name__}.update")
        known = set(self.labels)
        cats = [example.reference.cats for example in examples]
        unknown = {
            label
            for doc_cats in cats
            for label, value in doc_cats.items()
            if value and label not in known
        }
        if unknown:
            raise ValueError(
                f"These classes were not known at initialization: {', '.join(sorted(unknown))}. "
                f"Add them by add_label, or initialize with examples that have them all or with "
                f"a list of labels"
            )
        unseen = get_unseen(self.model)
        seen = {label for doc_cats in cats for label, value in doc_cats.items() if value}
        note_seen(self.model, [index for index in unseen if self.labels[index] in seen])
        losses = super().update(examples, **settings)
        self._missing.check("training", map(self._is_annotated, examples))
        return losses

    def score(self, examples: Iterable[Example], **settings: Any) -> dict[str, Any]:
        """Score predicted classes.

        examples (Iterable[Example]): Examples with predictions.
        settings (Any): Arguments of the scorer.
        RETURNS (dict[str, Any]): The scores of the scorer.
        """
        examples = list(examples)
        scores = super().score(examples, **settings)
        self._missing.check("scores", map(self._is_annotated, examples))
        return scores

    def _distill(self, earlier: TextClassifier, docs: list[Doc]) -> float:
        scores, backprop = self.model.begin_update(docs)
        # Of exclusive classes each document has one.
        exclusive = not self.support_missing_values
        loss, gradient = distill_probabilities(scores, earlier.predict(docs), exclusive)
        backprop(gradient)
        return loss

    def _is_annotated(self, example: Example) -> bool:
        """Whether an example has classes: of exclusive ones it has to be in one."""
        cats = example.reference.cats
        return bool(cats) if self.support_missing_values else any(cats.values())

    def _examples_to_truth(self, examples: Iterable[Example]) -> tuple[Any, Any]:
        truths, annotated = super()._examples_to_truth(examples)
        exclusive = not self.support_missing_values
        if exclusive:
            # Of exclusive classes each document has one: without it, the document is unannotated.
            annotated *= [[self._is_annotated(example)] for example in examples]
        classes = len(self.labels) if exclusive else 2
        return truths * (1 - self.label_smoothing) + self.label_smoothing / classes, annotated


class RecurrentMultiLabelTextCategorizer(RecurrentTextCategorizer, MultiLabel_TextCategorizer):
    """Classify documents by classes that do not exclude each other.

    The settings are those of `make_multilabel_textcat`, the methods those of
    `RecurrentTextCategorizer`.

    doc.cats (dict[str, float]): The probability of each class.
    doc._.cats_attention (list[float] | None): The attention weight of each token, which sum to 1,
        with `attention`.
    """

    # spaCy validates the settings of a config by these arguments: there is no positive_label.
    def initialize(  # type: ignore[override]
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, Any] | list[str] | None = None,
    ) -> None:
        """Collect the classes, and build the model for them and for the training data's words.

        get_examples (Callable[[], Iterable[Example]]): Returns the training data.
        nlp (Language | None): The pipeline.
        labels (dict[str, Any] | list[str] | None): The classes, and perhaps counts of words,
            as `spacy init labels` writes them. None to collect them from the training data.
        RAISES (ValueError): If there are no examples.
        """
        names = self._initialize_words(get_examples, nlp, labels)
        MultiLabel_TextCategorizer.initialize(self, get_examples, nlp=nlp, labels=names)
        forget_unseen(self.model)
