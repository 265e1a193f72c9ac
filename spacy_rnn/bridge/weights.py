"""The weights of a network as bytes that hold numbers and nothing that runs."""

import json
from collections.abc import Callable
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

VALUE_FUNCTIONS = {
    *("copy_", "fill_", "zero_", "bernoulli_", "normal_", "uniform_"),
    *("log", "log_", "neg", "neg_", "sign", "empty_like", "ones_like", "zeros_like"),
    *("constant_", "kaiming_normal_", "kaiming_uniform_"),
}
"""Functions of initialisation whose result has the shape of their argument."""


class SkipValues(TorchFunctionMode):
    """Skip the functions that compute values, for tensors on the meta device, which have none.

    On that device torch runs such functions in Python, and the first of them imports its compiler,
    Dynamo, and sympy with it: 1.5 seconds, longer than all else that loading takes.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", None) in VALUE_FUNCTIONS:
            return args[0] if args else kwargs["tensor"]  # As those of torch.nn.init call it.
        return func(*args, **kwargs)


def dump_weights(network: nn.Module, dims: dict[str, int]) -> bytes:
    """Store the weights of a network.

    network (nn.Module): The network, on any device.
    dims (dict[str, int]): The dimensions that it is built from.
    RETURNS (bytes): A safetensors file: the dimensions in its header, and each tensor
        once under its first name, however often the network uses it.
    """
    tensors = {name: tensor.cpu().contiguous() for name, tensor in _tensors(network).items()}
    return save(tensors, metadata={"dims": json.dumps(dims)})


def read_weights(data: bytes) -> tuple[dict[str, int], dict[str, Tensor]]:
    """Read stored weights.

    data (bytes): What `dump_weights` returned.
    RETURNS (tuple[dict[str, int], dict[str, Tensor]]): The dimensions, and the tensors by
        name, on the CPU.
    RAISES (ValueError): If the data are anything else.
    """
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        dims = json.loads(header["__metadata__"]["dims"])
        if not all(type(size) is int for size in dims.values()):
            raise ValueError(f"the dimensions {dims} are not all whole numbers")
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The weights are not a safetensors file of this package ({error}). No other "
            f"format is read, because pickled weights can run code: save the model again "
            f"with spacy-rnn"
        ) from error
    return dims, tensors


def build_shapes(build: Callable[..., nn.Module], dims: dict[str, int]) -> nn.Module:
    """Build a network without memory for its weights, to learn their shapes.

    build (Callable[..., nn.Module]): Makes the network from its dimensions, given by name.
    dims (dict[str, int]): The dimensions; they may exceed any memory.
    RETURNS (nn.Module): The network, on the meta device. No random number was drawn for it.
    """
    with torch.device("meta"), SkipValues():
        return build(**dims)


def check_weights(network: nn.Module, stored: dict[str, Tensor]) -> None:
    """Refuse stored tensors that do not fit a network.

    network (nn.Module): The network, on any device, "meta" included.
    stored (dict[str, Tensor]): The tensors by name.
    RAISES (ValueError): If a tensor is missing, is not needed, or has another shape.
    """
    tensors = _tensors(network)
    problems = [
        f"{name}: stored {_shape(stored.get(name))}, expected {_shape(tensors.get(name))}"
        for name in sorted(tensors.keys() | stored.keys())
        if _shape(stored.get(name)) != _shape(tensors.get(name))
    ]
    if problems:
        raise ValueError(
            f"The stored weights do not fit the network: {'; '.join(problems)}. Use the "
            f"settings that the model was trained with"
        )


def fill_weights(network: nn.Module, stored: dict[str, Tensor]) -> None:
    """Copy stored tensors into a network that they fit.

    network (nn.Module): The network, on any device.
    stored (dict[str, Tensor]): The tensors by name.
    """
    for name, tensor in _tensors(network).items():
        tensor.copy_(stored[name])


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    named = (*network.named_parameters(), *network.named_buffers())
    return {name: tensor.detach() for name, tensor in named}


def _shape(tensor: Tensor | None) -> str:
    return "nothing" if tensor is None else str(tuple(tensor.shape))
