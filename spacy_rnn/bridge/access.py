"""The network inside of a Thinc model."""

from typing import TYPE_CHECKING

from thinc.api import Model

if TYPE_CHECKING:
    from .shim import NetworkShim


def network_shim(model: Model) -> "NetworkShim":
    """Return the shim of the network inside of a model.

    model (Model): A layer of this package that has a network.
    RETURNS (NetworkShim): Its shim.
    RAISES (ValueError): If the model has no network of this package.
    """
    from .shim import NetworkShim

    for shim in model.shims:
        if isinstance(shim, NetworkShim):
            return shim
    raise ValueError(
        f'The layer "{model.name}" has no network of spacy-rnn: choose an architecture of this '
        f"package, such as spacy-rnn.RecurrentEncoder.v1"
    )
