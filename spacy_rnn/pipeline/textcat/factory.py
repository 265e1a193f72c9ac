"""Classifiers of documents: an encoder, a pooling, and n-grams beside them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model
from thinc.types import Floats2d

if TYPE_CHECKING:
    from .component import RecurrentMultiLabelTextCategorizer, RecurrentTextCategorizer


DEFAULT_CONFIG = """
[rnn_textcat]
threshold = 0.0
label_smoothing = 0.0
attention = false
max_batch_tokens = 20000

[rnn_textcat.model]
@architectures = "spacy-rnn.TextClassifier.v1"
exclusive_classes = true
ngram_size = 2
ngram_rows = 131072

[rnn_textcat.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[rnn_textcat.model.tok2vec.embed]
@architectures = "spacy-rnn.SumHashEmbed.v1"
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
    max_batch_tokens: int,
) -> "RecurrentTextCategorizer":
    """Make a classifier of documents that are of one class each.

    nlp (Language): The pipeline that it will be in.
    name (str): Its name there.
    model (Model[list[Doc], Floats2d]): `spacy-rnn.TextClassifier.v1`, or any text classifier.
    threshold (float): Not needed: the class with the highest probability is the one.
    scorer (Callable | None): Scores classes.
    label_smoothing (float): The share of the right class that is spread over all.
    attention (bool): Whether to write to `doc._.cats_attention` how much each token counts.
    max_batch_tokens (int): Tokens that are read at once, or one document if that is longer.
    RETURNS (RecurrentTextCategorizer): The component.
    """
    from .component import RecurrentTextCategorizer

    return RecurrentTextCategorizer(
        nlp.vocab,
        model,
        name,
        threshold=threshold,
        scorer=scorer,
        label_smoothing=label_smoothing,
        attention=attention,
        max_batch_tokens=max_batch_tokens,
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
    max_batch_tokens: int,
) -> "RecurrentMultiLabelTextCategorizer":
    """Make a classifier of documents that are of any number of classes.

    nlp (Language): The pipeline that it will be in.
    name (str): Its name there.
    model (Model[list[Doc], Floats2d]): `spacy-rnn.TextClassifier.v1`, or any text classifier.
    threshold (float): The probability from which on a document is of a class, for its scores.
    scorer (Callable | None): Scores classes.
    label_smoothing (float): How far the probabilities to learn are from 0 and 1, doubled.
    attention (bool): Whether to write to `doc._.cats_attention` how much each token counts.
    max_batch_tokens (int): Tokens that are read at once, or one document if that is longer.
    RETURNS (RecurrentMultiLabelTextCategorizer): The component.
    """
    from .component import RecurrentMultiLabelTextCategorizer

    return RecurrentMultiLabelTextCategorizer(
        nlp.vocab,
        model,
        name,
        threshold=threshold,
        scorer=scorer,
        label_smoothing=label_smoothing,
        attention=attention,
        max_batch_tokens=max_batch_tokens,
    )
