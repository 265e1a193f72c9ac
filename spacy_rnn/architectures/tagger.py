"""Models that label tokens, with a softmax at each token or a CRF."""

from spacy.ml.models.tagger import build_tagger_model
from thinc.api import Linear, chain, with_array, zero_init

from ..bridge.loading import checked
from ..checks import check_choice
from ..nn.crf.biluo import biluo_constraints
from ..nn.crf.constraints import unconstrained
from ..types import Embedding, Labeller
from .crf import with_crf
from .growth import make_resizable


def build_tagger_v1(
    tok2vec: Embedding, output: str = "softmax", nO: int | None = None
) -> Labeller:
    """Build a tagger.

    tok2vec (Embedding): The token vectors.
    output (str): "softmax", which predicts each label by itself, or "crf", which predicts the most
        probable sequence of labels.
    nO (int | None): The number of labels. Default: those of the training data, to which others
        can be added later.
    RETURNS (Labeller): The model.
    RAISES (ValueError): If there is no such output.
    """
    check_choice("output", output, ("softmax", "crf"))
    model: Labeller
    if output == "softmax":
        model = checked(build_tagger_model(tok2vec, nO, normalize=False))
    else:
        model = with_crf(_score_labels(tok2vec, nO), unconstrained)
    if nO is None:
        make_resizable(model)
    return model


def build_entity_recognizer_v1(tok2vec: Embedding, nO: int | None = None) -> Labeller:
    """Build an entity recognizer: a CRF over BILUO tags.

    tok2vec (Embedding): The token vectors.
    nO (int | None): The number of tags: four for each label, and O. Default: those of the training
        data, to which others can be added later.
    RETURNS (Labeller): The model.
    """
    model = with_crf(_score_labels(tok2vec, nO), biluo_constraints)
    if nO is None:
        make_resizable(model)
    return model


def _score_labels(tok2vec: Embedding, nO: int | None) -> Labeller:
    width = tok2vec.get_dim("nO") if tok2vec.has_dim("nO") else None
    output_layer = Linear(nO, width, init_W=zero_init)
    scorer: Labeller = chain(tok2vec, with_array(output_layer))
    scorer.set_ref("tok2vec", tok2vec)
    scorer.set_ref("output_layer", output_layer)
    return scorer
