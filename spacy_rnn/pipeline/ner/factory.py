"""Factory of entity recognizers.

Apart from component.py because every blank pipeline loads all factories, by their entry points: a
factory imports nothing slow before it makes its component.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from spacy.language import Language
from thinc.api import Config, Model

if TYPE_CHECKING:
    from .component import RecurrentEntityRecognizer


DEFAULT_CONFIG = """
[rnn_ner]
confidence = true
n_best = 1
false_negative_cost = 0.0
max_batch_tokens = 10000

[rnn_ner.model]
@architectures = "spacy-rnn.EntityRecognizer.v1"
nO = null

[rnn_ner.model.tok2vec]
@architectures = "spacy.Tok2Vec.v2"

[rnn_ner.model.tok2vec.embed]
@architectures = "spacy-rnn.SumHashEmbed.v1"
width = 96
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false

[rnn_ner.model.tok2vec.encode]
@architectures = "spacy-rnn.RecurrentEncoder.v1"
width = 96
depth = 1

[rnn_ner.scorer]
@scorers = "spacy.ner_scorer.v1"
"""
DEFAULTS = Config().from_str(DEFAULT_CONFIG)["rnn_ner"]


@Language.factory(
    "rnn_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence"],
    default_config=DEFAULTS,
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
    },
)
def make_entity_recognizer(
    nlp: Language,
    name: str,
    model: Model,
    scorer: Callable | None,
    confidence: bool,
    n_best: int,
    false_negative_cost: float,
    max_batch_tokens: int,
) -> "RecurrentEntityRecognizer":
    """Make an entity recognizer.

    nlp (Language): The pipeline.
    name (str): The name of the component.
    model (Model): `spacy-rnn.EntityRecognizer.v1`.
    scorer (Callable | None): The scorer of entities.
    confidence (bool): Whether to write the marginal probability of each entity, with its
        boundaries and its label, to `span._.confidence`.
    n_best (int): The number of sets of entities to predict. Several are written to
        `doc._.ents_nbest`.
    false_negative_cost (float): The additional cost of each missed token of an entity in
        training. Higher values trade precision for recall.
    max_batch_tokens (int): The maximum size of an inner batch in tokens, padding included. A
        longer document is a batch of its own.
    RETURNS (RecurrentEntityRecognizer): The component.
    """
    from .component import RecurrentEntityRecognizer

    return RecurrentEntityRecognizer(
        nlp.vocab,
        model,
        name,
        scorer=scorer,
        confidence=confidence,
        n_best=n_best,
        false_negative_cost=false_negative_cost,
        max_batch_tokens=max_batch_tokens,
    )
