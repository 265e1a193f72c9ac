"""A tagger: spaCy's own, for any attribute of tokens, with a softmax or a CRF."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, cast

import numpy as np
from spacy.attrs import ORTH
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline.tagger import Tagger
from spacy.tokens import Doc, Token
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import check_lexeme_norms, minibatch
from spacy.vocab import Vocab
from thinc.api import CategoricalCrossentropy, Config, Model
from thinc.types import Floats2d

from ..layers.crf import best_labels, label_probabilities
from ..layers.vocabulary import count_words
from ..metrics.tagging import score_tags
from ..types import Labeller, LabelScores
from .batches import annotate_safely, batch_worded
from .extensions import ensure_extension

DEFAULT_CONFIG = """
[rnn_tagger]
attr = "tag"
overwrite = false
neg_prefix = "!"
label_smoothing = 0.0
confidence = false
batch_words = 10000

[rnn_tagger.model]
@architectures = "spacy-rnn.Tagger.v1"
output = "softmax"
nO = null

[rnn_tagger.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[rnn_tagger.model.tok2vec.embed]
@architectures = "spacy-rnn.HashEmbed.v1"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false

[rnn_tagger.model.tok2vec.encode]
@architectures = "spacy-rnn.RecurrentEncoder.v1"
width = 96
depth = 1

[rnn_tagger.scorer]
@scorers = "spacy-rnn.tagger_scorer.v1"
"""
DEFAULTS = Config().from_str(DEFAULT_CONFIG)["rnn_tagger"]

ATTRS = ("tag", "pos", "morph")


class Tags(NamedTuple):
    """What is predicted for a document.

    labels (np.ndarray): The number of each token's label.
    confidences (np.ndarray | None): How probable each is, where that was asked for.
    """

    labels: np.ndarray
    confidences: np.ndarray | None


@Language.factory(
    "rnn_tagger",
    assigns=["token.tag"],
    default_config=DEFAULTS,
    default_score_weights={"tag_acc": 1.0, "pos_acc": None, "morph_acc": None},
)
def make_tagger(
    nlp: Language,
    name: str,
    model: Model,
    attr: str,
    overwrite: bool,
    scorer: Callable | None,
    neg_prefix: str,
    label_smoothing: float,
    confidence: bool,
    batch_words: int,
) -> "RecurrentTagger":
    """Make a tagger.

    nlp (Language): The pipeline that it will be in.
    name (str): Its name there.
    model (Model): `spacy-rnn.Tagger.v1`, or `spacy.Tagger.v2`.
    attr (str): What it writes: "tag", "pos" or "morph".
    overwrite (bool): Whether it replaces what is set already.
    scorer (Callable | None): Scores tags.
    neg_prefix (str): Marks labels of the training data that a token does not have.
    label_smoothing (float): The share of the right label that is spread over the others. A
        softmax alone has it.
    confidence (bool): Whether to write the probability of each label to
        `token._.tag_confidence`, or that of the attribute.
    batch_words (int): Words that are tagged at once.
    RETURNS (RecurrentTagger): The component.
    """
    make = CRFTagger if model.has_ref("crf") else RecurrentTagger
    return make(
        nlp.vocab,
        model,
        name,
        attr=attr,
        overwrite=overwrite,
        scorer=scorer,
        neg_prefix=neg_prefix,
        label_smoothing=label_smoothing,
        confidence=confidence,
        batch_words=batch_words,
    )


class RecurrentTagger(Tagger):
    """Give each token a label, each by itself.

    The settings are those of `make_tagger`.
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
        batch_words: int = 10000,
    ):
        if attr not in ATTRS:
            raise ValueError(f'attr is "{attr}", but has to be one of "tag", "pos", "morph"')
        if batch_words < 1:
            raise ValueError(f"batch_words is {batch_words}, but has to be at least 1")
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
        self.batch_words = batch_words
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
        for tagged in self.pipe([doc], **settings):
            return tagged
        return doc

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
        for batch in batch_worded(docs, self.batch_words):
            scores = self.model.predict([docs[index] for index in batch])
            labels, confidences = self._decode(scores, confidence)
            start = 0
            for index in batch:
                end = start + len(docs[index])
                some = None if confidences is None else confidences[start:end]
                tags[index] = Tags(labels[start:end], some)
                start = end
        return tags

    def _decode(
        self, scores: LabelScores, confidence: bool
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
        add = self.vocab.morphology.add if self.attr == "morph" else self.vocab.strings.add
        keys = np.array([add(label) for label in self.labels], dtype="uint64")
        for doc, (labels, confidences) in zip(docs, batch_tag_ids, strict=True):
            new = keys[labels]
            if not self.cfg["overwrite"] and doc.has_annotation(self.attr.upper()):
                old = doc.to_array([self.attr])
                new = np.where(old, old, new)
            doc.from_array([self.attr], new)
            if confidences is not None:
                for token, confidence in zip(doc, confidences.tolist(), strict=True):
                    token._.set(self.confidence_attr, confidence)

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
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        check_lexeme_norms(self.vocab, "tagger")
        if labels is None:
            keys = {
                key
                for example in get_examples()
                for key in np.unique(example.reference.to_array([self.attr])).tolist()
            }
            labels = sorted(self.vocab.strings[key] for key in keys if key)
        for label in labels:
            self.add_label(label)
        self._require_labels()
        count_words(self.model, (example.predicted for example in get_examples()))
        sample = [example.predicted for example in islice(get_examples(), 10)]
        if not sample:
            raise ValueError(Errors.E923.format(name=self.name))
        alloc = self.model.ops.alloc2f
        self.model.initialize(X=sample, Y=[alloc(len(doc), len(self.labels)) for doc in sample])

    def get_loss(
        self, examples: Iterable[Example], scores: LabelScores
    ) -> tuple[float, list[Floats2d]]:
        """Compute the loss, and its gradient.

        examples (Iterable[Example]): The examples. Tokens without a label are passed over.
        scores (LabelScores): What the model gives for them.
        RETURNS (tuple[float, list[Floats2d]]): The loss, and the gradient of the scores.
        RAISES (ValueError): If a label was not known when the tagger was initialized.
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
        lengths = ops.asarray1i([len(each) for each in scores])
        return float(total), ops.unflatten(gradient, lengths)

    def _truths(self, examples: Iterable[Example]) -> list[str | None]:
        """Give the label of each token of all examples, None where it is not known."""
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.get_loss")
        truths = [label for example in examples for label in self._align_labels(example)]
        known = {*self.labels, *(self.cfg["neg_prefix"] + label for label in self.labels)}
        if unknown := {label for label in set(truths) - known if label}:
            raise ValueError(
                f"These labels were not known at initialization: {', '.join(sorted(unknown))}. "
                f"Initialize with examples that have them all, or with a list of labels"
            )
        return truths

    def _align_labels(self, example: Example) -> list[str | None]:
        reference, attr = example.reference, self.attr.upper()
        annotated = reference.to_array([ORTH, attr])
        if not np.array_equal(annotated[:, 0], example.predicted.to_array(ORTH)):
            return [label or None for label in example.get_aligned(attr, as_string=True)]
        # For the same tokens there is nothing to align, which takes more time than all else.
        keys = annotated[:, 1]
        strings = reference.vocab.strings
        labels = {key: strings[key] if key else None for key in np.unique(keys).tolist()}
        return [labels[key] for key in keys.tolist()]

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score predicted labels.

        examples (Iterable[Example]): Examples with predictions.
        RETURNS (dict[str, Any]): The scorer's scores.
        """
        return self.scorer(examples, attr=self.attr, **kwargs) if self.scorer else {}


class CRFTagger(RecurrentTagger):
    """Give tokens the labels that are the most probable together.

    The settings are those of `make_tagger`.
    """

    def __init__(self, vocab: Vocab, model: Labeller, name: str = "rnn_tagger", **settings: Any):
        if smoothing := settings.get("label_smoothing"):
            raise ValueError(
                f"label_smoothing is {smoothing}, but a CRF has none: set it to 0, or choose "
                f'output = "softmax"'
            )
        super().__init__(vocab, model, name, **settings)

    def _decode(
        self, scores: LabelScores, confidence: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        crf = self.model.get_ref("crf")
        labels = best_labels(crf, scores)
        return labels, label_probabilities(crf, scores, labels) if confidence else None

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
