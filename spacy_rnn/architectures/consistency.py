"""Parts of a loaded model that have to fit each other."""

from thinc.api import Model

from .embeddings import check_table
from .known_words import HashSettings, check_known
from .language_model import units_of


def check_layers(model: Model) -> None:
    """Refuse a loaded model with a layer whose parts do not fit each other.

    model (Model): The model.
    RAISES (ValueError): If there is one.
    """
    for node in model.walk():
        if isinstance(node.attrs.get("settings"), HashSettings) and node.has_param("E"):
            check_table(node)
        if "known" in node.attrs:
            check_known(node)
        if node.attrs.get("units"):
            units_of(node)
