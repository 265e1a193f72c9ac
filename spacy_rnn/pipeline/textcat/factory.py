"""Factories of text classifiers.

Apart from component.py because every blank pipeline loads all factories, by their entry points: a
factory imports nothing slow before it makes its component.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model
from thinc.types import Floats2d

if TYPE_CHECKING:
    from .component import RecurrentTextCategorizer


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
DEFAULTS = Config(Config().from_str(DEFAULT_CONFIG)["rnn_textcat"])
MULTILABEL_DEFAULTS = DEFAULTS.merge(
    {
        "threshold": 0.5,
        "model": {"exclusive_classes": False},
        "scorer": {"@scorers": "spacy.textcat_multilabel_scorer.v2"},
    }
)

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


def _make_factory(multilabel: bool) -> "Callable[..., RecurrentTextCategorizer]":
    """Make the factory of one of the two components, whose settings are the same."""

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
        """Make a text classifier: of exclusive classes, or of any number for each document.

        nlp (Language): The pipeline.
        name (str): The name of the component.
        model (Model[list[Doc], Floats2d]): `spacy-rnn.TextClassifier.v1`, or any text classifier.
        threshold (float): The probability from which on a class counts for the scores. Without
            effect on exclusive classes, of which the most probable one counts.
        scorer (Callable | None): The scorer of classes.
        label_smoothing (float): The probability that training spreads over all classes, or over
            both values of each class if they are not exclusive.
        attention (bool): Whether to write the attention weight of each token to
            `doc._.cats_attention`.
        max_batch_tokens (int): The maximum size of an inner batch in tokens, padding included. A
            longer document is a batch of its own.
        RETURNS (RecurrentTextCategorizer): The component.
        """
        from .component import RecurrentMultiLabelTextCategorizer, RecurrentTextCategorizer

        make = RecurrentMultiLabelTextCategorizer if multilabel else RecurrentTextCategorizer
        return make(
            nlp.vocab,
            model,
            name,
            threshold=threshold,
            scorer=scorer,
            label_smoothing=label_smoothing,
            attention=attention,
            max_batch_tokens=max_batch_tokens,
        )

    return make_textcat


ASSIGNS = ["doc.cats", "doc._.cats_attention"]

make_textcat = Language.factory(
    "rnn_textcat",
    assigns=ASSIGNS,
    default_config=DEFAULTS,
    default_score_weights=SCORE_WEIGHTS,
    func=_make_factory(multilabel=False),
)
make_multilabel_textcat = Language.factory(
    "rnn_textcat_multilabel",
    assigns=ASSIGNS,
    default_config=MULTILABEL_DEFAULTS,
    default_score_weights=SCORE_WEIGHTS,
    func=_make_factory(multilabel=True),
)
