"""Factory of taggers, with a softmax or a CRF.

Apart from component.py because every blank pipeline loads all factories, by their entry points: a
factory imports nothing slow before it makes its component.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from spacy.language import Language
from thinc.api import Config, Model

if TYPE_CHECKING:
    from .component import RecurrentTagger


DEFAULT_CONFIG = """
[rnn_tagger]
attr = "tag"
overwrite = false
neg_prefix = "!"
label_smoothing = 0.0
confidence = false
max_batch_tokens = 10000

[rnn_tagger.model]
@architectures = "spacy-rnn.Tagger.v1"
output = "softmax"
nO = null

[rnn_tagger.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[rnn_tagger.model.tok2vec.embed]
@architectures = "spacy-rnn.SumHashEmbed.v1"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false

[rnn_tagger.model.tok2vec.encode]
@architectures = "spacy-rnn.RecurrentEncoder.v1"
width = 96
depth = 1
dropout_input = 0.2
word_dropout = 0.1
forget_bias = -1.0

[rnn_tagger.scorer]
@scorers = "spacy-rnn.tagger_scorer.v1"
"""
DEFAULTS = Config().from_str(DEFAULT_CONFIG)["rnn_tagger"]


@Language.factory(
    "rnn_tagger",
    assigns=["token.tag"],
    default_config=DEFAULTS,
    # None of "tag_acc" and so on, which would hide them where a stock component has them too.
    default_score_weights={"rnn_tagger_acc": 1.0},
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
    max_batch_tokens: int,
) -> "RecurrentTagger":
    """Make a tagger.

    nlp (Language): The pipeline.
    name (str): The name of the component.
    model (Model): `spacy-rnn.Tagger.v1`, or `spacy.Tagger.v2`.
    attr (str): The attribute of tokens to predict: "tag", "pos" or "morph".
    overwrite (bool): Whether to overwrite existing labels.
    scorer (Callable | None): The scorer of labels.
    neg_prefix (str): The prefix of labels of the training data that a token does not have.
    label_smoothing (float): The probability that training spreads over the wrong labels. Has to
        be 0 for a CRF.
    confidence (bool): Whether to write the probability of each label to
        `token._.tag_confidence`, or `pos_` or `morph_confidence`.
    max_batch_tokens (int): The maximum size of an inner batch in tokens, padding included. A
        longer document is a batch of its own.
    RETURNS (RecurrentTagger): The component.
    """
    from .component import RecurrentTagger
    from .crf import CRFTagger

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
        max_batch_tokens=max_batch_tokens,
    )
