"""Models that label tokens: a softmax at each, or a CRF over all of them."""

from spacy.ml.models.tagger import build_tagger_model
from thinc.api import Linear, chain, with_array, zero_init

from ..checks import check_choice
from ..nn.crf.biluo import biluo_constraints
from ..nn.crf.constraints import unconstrained
from ..types import Embedding, Labeller
from .crf import with_crf


def build_tagger_v1(
    tok2vec: Embedding, output: str = "softmax", nO: int | None = None
) -> Labeller:
    """Build a model that gives each token a label.

    tok2vec (Embedding): Gives vectors of tokens.
    output (str): "softmax", each label by itself, or "crf", the most probable labels together.
    nO (int | None): The number of labels. None to find it out.
    RETURNS (Labeller): The model.
    RAISES (ValueError): If there is no such output.
    """
    check_choice("output", output, ("softmax", "crf"))
    if output == "softmax":
        return build_tagger_model(tok2vec, nO, normalize=False)
    return with_crf(_score_labels(tok2vec, nO), unconstrained)


def build_entity_recognizer_v1(tok2vec: Embedding, nO: int | None = None) -> Labeller:
    """Build a model that finds entities: a CRF over their tokens' places in them.

    tok2vec (Embedding): Gives vectors of tokens.
    nO (int | None): Four times the number of labels, and one more. None to find it out.
    RETURNS (Labeller): The model.
    """
    return with_crf(_score_labels(tok2vec, nO), biluo_constraints)


def _score_labels(tok2vec: Embedding, nO: int | None) -> Labeller:
    width = tok2vec.get_dim("nO") if tok2vec.has_dim("nO") else None
    scorer: Labeller = chain(tok2vec, with_array(Linear(nO, width, init_W=zero_init)))
    scorer.set_ref("tok2vec", tok2vec)
    return scorer
