"""Text classifiers: stock spaCy's, with attention to look at and bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from spacy.language import Language
from spacy.pipeline.textcat import TextCategorizer
from spacy.pipeline.textcat_multilabel import MultiLabel_TextCategorizer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import Config, Model
from thinc.types import Floats2d

from ..layers.textcat import attend
from .batches import annotate_safely
from .extensions import ensure_extension

DEFAULT_CONFIG = """
[rnn_textcat]
threshold = 0.0
label_smoothing = 0.0
attention = false
batch_words = 20000

[rnn_textcat.model]
@architectures = "spacy-rnn.TextClassifier.v1"
exclusive_classes = true
ngram_size = 2
ngram_rows = 131072

[rnn_textcat.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[rnn_textcat.model.tok2vec.embed]
@architectures = "spacy-rnn.HashEmbed.v1"
width = 128
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [20000, 1000, 2500, 2500]
include_static_vectors = false
attr_dropout = 0.1
hashes = 2

[rnn_textcat.model.tok2vec.encode]
@architectures = "spacy-rnn.RecurrentEncoder.v1"
width = 128
depth = 1
cell = "lstm"
dropout_input = null

[rnn_textcat.model.pooling]
@misc = "spacy-rnn.attention_pooling.v1"
width = 64
heads = 1

[rnn_textcat.scorer]
@scorers = "spacy.textcat_scorer.v2"
"""
DEFAULTS = Config().from_str(DEFAULT_CONFIG)["rnn_textcat"]
MULTILABEL_DEFAULTS = Config().from_str(
    DEFAULT_CONFIG.replace("threshold = 0.0", "threshold = 0.5")
    .replace("exclusive_classes = true", "exclusive_classes = false")
    .replace("spacy.textcat_scorer.v2", "spacy.textcat_multilabel_scorer.v2")
)["rnn_textcat"]

SCORE_WEIGHTS = {
    "cats_score": 1.0,
    "cats_score_desc": None,
    "cats_micro_p": None,
    "cats_micro_r": None,
    "cats_micro_f": None,
    "cats_macro_p": None,
    "cats_macro_r": None,
    "cats_macro_f": None,
    "cats_macro_auc": None,
    "cats_f_per_type": None,
}

ATTENTION = "cats_attention"


@Language.factory(
    "rnn_textcat",
    assigns=["doc.cats", "doc._.cats_attention"],
    default_config=DEFAULTS,
    default_score_weights=SCORE_WEIGHTS,
)
def make_textcat(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    threshold: float,
    scorer: Callable | None,
    label_smoothing: float,
    attention: bool,
    batch_words: int,
) -> "RecurrentTextCategorizer":
    """Make a classifier of documents that are of one class each.

    nlp (Language): The pipeline that it will be in.
    name (str): Its name there.
    model (Model[list[Doc], Floats2d]): `spacy-rnn.TextClassifier.v1`, or any text classifier.
    threshold (float): Not needed: the class with the highest probability is the one.
    scorer (Callable | None): Scores classes.
    label_smoothing (float): The share of the right class that is spread over all.
    attention (bool): Whether to write to `doc._.cats_attention` how much each token counts.
    batch_words (int): Tokens that are read at once, or one document if that is longer.
    RETURNS (RecurrentTextCategorizer): The component.
    """
    return RecurrentTextCategorizer(
        nlp.vocab,
        model,
        name,
        threshold=threshold,
        scorer=scorer,
        label_smoothing=label_smoothing,
        attention=attention,
        batch_words=batch_words,
    )


@Language.factory(
    "rnn_textcat_multilabel",
    assigns=["doc.cats", "doc._.cats_attention"],
    default_config=MULTILABEL_DEFAULTS,
    default_score_weights=SCORE_WEIGHTS,
)
def make_multilabel_textcat(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    threshold: float,
    scorer: Callable | None,
    label_smoothing: float,
    attention: bool,
    batch_words: int,
) -> "RecurrentMultiLabelTextCategorizer":
    """Make a classifier of documents that are of any number of classes.

    nlp (Language): The pipeline that it will be in.
    name (str): Its name there.
    model (Model[list[Doc], Floats2d]): `spacy-rnn.TextClassifier.v1`, or any text classifier.
    threshold (float): The probability from which on a document is of a class, for its scores.
    scorer (Callable | None): Scores classes.
    label_smoothing (float): How far the probabilities to learn are from 0 and 1, doubled.
    attention (bool): Whether to write to `doc._.cats_attention` how much each token counts.
    batch_words (int): Tokens that are read at once, or one document if that is longer.
    RETURNS (RecurrentMultiLabelTextCategorizer): The component.
    """
    return RecurrentMultiLabelTextCategorizer(
        nlp.vocab,
        model,
        name,
        threshold=threshold,
        scorer=scorer,
        label_smoothing=label_smoothing,
        attention=attention,
        batch_words=batch_words,
    )


class RecurrentTextCategorizer(TextCategorizer):
    """Classify documents that are of one class each.

    The settings are those of `make_textcat`.
    """

    def __init__(
        self,
        vocab: Any,
        model: Model[list[Doc], Floats2d],
        name: str = "rnn_textcat",
        *,
        threshold: float,
        scorer: Callable | None = None,
        label_smoothing: float = 0.0,
        attention: bool = False,
        batch_words: int = 20000,
    ):
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(
                f"label_smoothing is {label_smoothing}, but has to be at least 0 and below 1: "
                f"0 turns it off"
            )
        if batch_words < 1:
            raise ValueError(f"batch_words is {batch_words}, but has to be at least 1")
        super().__init__(vocab, model, name, threshold=threshold, scorer=scorer)
        self.label_smoothing = label_smoothing
        self.attention = attention
        self.batch_words = batch_words
        ensure_extension(ATTENTION)

    # Prediction

    def __call__(self, doc: Doc, **settings: Any) -> Doc:
        """Classify one document.

        doc (Doc): The document.
        settings (Any): As for `pipe`.
        RETURNS (Doc): The same document.
        """
        for classified in self.pipe([doc], **settings):
            return classified
        return doc

    def pipe(
        self, stream: Iterable[Doc], *, batch_size: int = 128, attention: bool | None = None
    ) -> Iterator[Doc]:
        """Classify a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): Documents to read ahead.
        attention (bool | None): Whether to write attention in this call, by
            `component_cfg={"rnn_textcat": {"attention": True}}`. Default: as set.
        YIELDS (Doc): The same documents in order.
        """
        ensure_extension(ATTENTION)
        attention = self.attention if attention is None else attention

        def classify_batch(docs: list[Doc]) -> None:
            self.set_annotations(docs, self.predict(docs))
            if attention:
                self._write_attention(docs)

        for docs in minibatch(stream, size=batch_size):
            yield from annotate_safely(self, docs, classify_batch)

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Classify documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (Floats2d): The probability of each class, `(docs, classes)`.
        """
        scores = [self.model.predict(batch) for batch in self._make_batches(docs)]
        return self.model.ops.xp.vstack([self.model.ops.alloc2f(0, len(self.labels)), *scores])

    def _write_attention(self, docs: list[Doc]) -> None:
        for batch in self._make_batches(docs):
            for doc, weights in zip(batch, attend(self.model, batch), strict=True):
                doc._.set(ATTENTION, weights)

    def _make_batches(self, docs: Iterable[Doc]) -> Iterator[list[Doc]]:
        batch: list[Doc] = []
        words = 0
        for doc in docs:
            if batch and words + len(doc) > self.batch_words:
                yield batch
                batch, words = [], 0
            batch.append(doc)
            words += len(doc)
        if batch:
            yield batch

    # Training

    def update(self, examples: Iterable[Example], **settings: Any) -> dict[str, float]:
        """Learn from a batch of documents.

        examples (Iterable[Example]): Examples with classes; others are passed over.
        settings (Any): Dropout rate, optimizer and losses, as in stock spaCy.
        RETURNS (dict[str, float]): The losses.
        RAISES (ValueError): If an example is of a class that was not there at initialisation.
        """
        examples = list(examples)
        known = set(self.labels)
        cats = [example.reference.cats for example in examples if hasattr(example, "reference")]
        unknown = {label for each in cats for label in each if each[label] and label not in known}
        if unknown:
            raise ValueError(
                f"Examples are of classes that {self.name!r} does not know: "
                f"{', '.join(sorted(unknown))}. It was initialized with {', '.join(known)}: "
                f"initialize it with all of them, by labels in [initialize.components] for a "
                f"corpus that is read as a stream"
            )
        return super().update(examples, **settings)

    def _examples_to_truth(self, examples: Iterable[Example]) -> tuple[Any, Any]:
        truths, annotated = super()._examples_to_truth(examples)
        exclusive = not self.support_missing_values
        if exclusive:
            # A document that is of no class tells nothing about which one it is of.
            annotated *= [[any(example.reference.cats.values())] for example in examples]
        classes = len(self.labels) if exclusive else 2
        return truths * (1 - self.label_smoothing) + self.label_smoothing / classes, annotated


class RecurrentMultiLabelTextCategorizer(RecurrentTextCategorizer, MultiLabel_TextCategorizer):
    """Classify documents that are of any number of classes.

    The settings are those of `make_multilabel_textcat`.
    """
