"""The weights of a network as bytes that hold numbers and nothing that runs."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any, NamedTuple, cast
from zlib import crc32

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..about import package_version
from ..errors import ModelLoadError
from ..nn.kernels.quantized import round_rows

KEY = "spacy_rnn"
"""Where the header of a safetensors file holds what `StoredWeights` has beside the tensors. One
entry, because safetensors writes several in any order."""

EXPONENTS = ".exponents"
"""What follows the name of a tensor of integers in that of its scales, as exponents of 2."""

MIN_ROUNDED = 2**12
"""Weights of a matrix from which 8-bit integers are worth it: 16 KB in float32."""

SMALL = 4_000_000
"""Numbers in a network that may be built before it is known to be needed: 16 MB."""

FREE_SETTINGS = {
    *("dropout", "dropout_input", "dropout_layers", "dropout_output", "dropout_embedding"),
    *("word_dropout", "weight_drop", "label_smoothing", "r_drop"),
    *("activation_reg", "temporal_activation_reg"),
    *("forget_bias", "chrono_init", "cache"),
}
"""Settings that weights do not depend on: of training, of initialization, of prediction alone."""

VALUE_FUNCTIONS = {
    *("copy_", "fill_", "zero_", "bernoulli_", "normal_", "uniform_"),
    *("log", "log_", "neg", "neg_", "sign", "empty_like", "full_like", "ones_like", "zeros_like"),
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


class StoredWeights(NamedTuple):
    """What is stored of a network.

    Some of its tensors may be stored as 8-bit integers, a scale for each row.

    dims (dict[str, int]): The dimensions that it is built from.
    settings (dict[str, Any]): Its settings, as `settings_of` returns them.
    saved_by (str): The version of this package that saved it.
    tensors (dict[str, Tensor]): The tensors by name, on the CPU; all weights in float32.
    int8 (tuple[str, ...]): The names of those that are stored as integers.
    """

    dims: dict[str, int]
    settings: dict[str, Any]
    saved_by: str
    tensors: dict[str, Tensor]
    int8: tuple[str, ...]


def dump_weights(
    network: nn.Module,
    dims: dict[str, int],
    settings: dict[str, Any],
    int8: Collection[str] = (),
) -> bytes:
    """Store the weights of a network.

    network (nn.Module): The network, on any device.
    dims (dict[str, int]): The dimensions that it is built from.
    settings (dict[str, Any]): Its settings, as `settings_of` returns them.
    int8 (Collection[str]): The names of tensors to store as 8-bit integers if no weight changes by
        that.
    RETURNS (bytes): A safetensors file: each tensor once under its first name, however often the
        network uses it, and in the header the dimensions, the settings, the version of this
        package, the names of tensors of integers, and a checksum.
    """
    tensors = {name: tensor.cpu().contiguous() for name, tensor in named_tensors(network).items()}
    facts: dict[str, Any] = {"dims": dims, "settings": settings, "version": package_version()}
    integers = {name: parts for name in int8 if (parts := _to_integers(tensors[name]))}
    for name, parts in integers.items():
        tensors[name], tensors[name + EXPONENTS] = parts
    if integers:
        facts["int8"] = sorted(integers)
    facts["checksum"] = _checksum(facts, tensors)
    return save(tensors, metadata={KEY: json.dumps(facts, sort_keys=True)})


def read_weights(data: bytes) -> StoredWeights:
    """Read stored weights.

    data (bytes): What `dump_weights` returned.
    RETURNS (StoredWeights): The weights.
    RAISES (ModelLoadError): If the data are anything else, or damaged.
    """
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        facts = json.loads(header["__metadata__"][KEY])
        dims, settings, saved_by = (facts[key] for key in ("dims", "settings", "version"))
        checksum = facts.pop("checksum")
        if not all(type(size) is int for size in dims.values()):
            raise ValueError(f"the dimensions {dims} are not all whole numbers")
        settings.keys()
        stored = {**tensors}
        int8 = tuple(facts.get("int8", ()))
        for name in int8:
            tensors[name] = _from_integers(tensors[name], tensors.pop(name + EXPONENTS))
    except Exception as error:
        raise ModelLoadError(
            f"The weights are not a safetensors file of this package ({error}). No other "
            f"format is read, because pickled weights can run code: save the model again "
            f"with spacy-rnn"
        ) from error
    if checksum != _checksum(facts, stored):
        raise ModelLoadError(
            "The weights are not those that were saved, by their checksum: restore the model from "
            "where it was copied, or train it again"
        )
    # Building a network of absurd dimensions would take time, if no memory.
    numbers = sum(tensor.numel() for tensor in tensors.values())
    if absurd := {name: size for name, size in dims.items() if not 0 < size <= max(1, numbers)}:
        raise ModelLoadError(
            f"The stored dimensions {absurd} do not fit the {numbers} stored weights: restore the "
            f"model from where it was copied"
        )
    return StoredWeights(dims, settings, saved_by, tensors, int8)


def round_weights(network: nn.Module) -> tuple[str, ...]:
    """Round the large matrices of a network to 8-bit integers times a power of 2 for each row.

    network (nn.Module): The network.
    RETURNS (tuple[str, ...]): The names of the rounded parameters.
    RAISES (ValueError): If a weight is infinite or not a number. Nothing is rounded then.
    """
    matrices = {
        name: parameter.detach()
        for name, parameter in network.named_parameters()
        if parameter.dtype == torch.float32
        and parameter.dim() > 1
        and parameter.numel() >= MIN_ROUNDED
    }
    for name, matrix in matrices.items():
        if not matrix.isfinite().all():
            raise ValueError(
                f"{name} has weights that are infinite or not a number, which have no integers: "
                f"train the model again, with a lower learning rate"
            )
    for matrix in matrices.values():
        integers, powers = round_rows(matrix.flatten(1))
        # By way of integers, which have one zero.
        matrix.copy_((integers.int() * powers[:, None]).view_as(matrix))
    return tuple(matrices)


def _to_integers(matrix: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return a matrix as integers and exponents of 2, or None if it is not one of these."""
    rows = matrix.flatten(1)
    integers, powers = round_rows(rows)
    if not torch.equal(integers * powers[:, None], rows):
        return None
    _, exponents = torch.frexp(powers)
    return integers.to(torch.int8).view_as(matrix), (exponents - 1).to(torch.int8)


def _from_integers(integers: Tensor, exponents: Tensor) -> Tensor:
    """Return the matrix that `_to_integers` took apart."""
    expected = f"{tuple(integers.shape[:1])} int8"
    if integers.dtype != torch.int8 or _shape(exponents) != expected:
        raise ValueError(f"integers {_shape(integers)} have exponents {_shape(exponents)}")
    powers = torch.ldexp(torch.ones(len(integers)), exponents.int())
    return (integers.flatten(1) * powers[:, None]).view_as(integers)


def settings_of(build: Callable[..., nn.Module]) -> dict[str, Any]:
    """Return the settings of a network that its weights were trained with, and for.

    build (Callable[..., nn.Module]): Makes the network from its dimensions: a function, or a
        `functools.partial` of one, whose arguments may be of the same kind, or dataclasses.
    RETURNS (dict[str, Any]): Plain values by dotted name, such as "decoder.network.cell", but for
        `FREE_SETTINGS`.
    """
    return dict(_walk_settings("", build))


def _walk_settings(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if name.rpartition(".")[2] in FREE_SETTINGS:
        return
    parts: Mapping[str, Any] = {}
    if isinstance(value, partial):
        parts = {**{str(place): each for place, each in enumerate(value.args)}, **value.keywords}
        value = value.func
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
        value = type(value)
    if isinstance(value, tuple):
        value = list(value)
    elif not isinstance(value, str | int | float | list | None):
        value = getattr(value, "__name__", type(value).__name__)
    if name:  # Networks may be renamed: what they are is in the names and shapes of tensors.
        yield name, value
    for part, each in parts.items():
        yield from _walk_settings(f"{name}.{part}".removeprefix("."), each)


def build_shapes(build: Callable[..., nn.Module], dims: Mapping[str, int]) -> nn.Module:
    """Build a network without memory for its weights, to learn their shapes.

    build (Callable[..., nn.Module]): Makes the network from its dimensions, given by name.
    dims (Mapping[str, int]): The dimensions; they may exceed any memory.
    RETURNS (nn.Module): The network, on the meta device. No random number was drawn for it.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    with torch.device("meta"), SkipValues():
        try:
            return build(**dims)
        except (OverflowError, RuntimeError, TypeError) as error:  # Shapes beyond 64 bits.
            raise ValueError(
                f"A network of the dimensions {dict(dims)} and of these settings cannot be built "
                f"({error}): set widths and the like to what fits into memory"
            ) from error


def build_small(build: Callable[..., nn.Module], dims: Mapping[str, int]) -> nn.Module | None:
    """Build a network, unless it takes much memory.

    build (Callable[..., nn.Module]): Makes the network from its dimensions, given by name.
    dims (Mapping[str, int]): The dimensions.
    RETURNS (nn.Module | None): The network. None if it has more than `SMALL` numbers.
    RAISES (ValueError): If a setting is out of its bounds, however large the network is.
    """
    tensors = named_tensors(build_shapes(build, dims)).values()
    return build(**dims) if sum(tensor.numel() for tensor in tensors) <= SMALL else None


def load_network(
    build: Callable[..., nn.Module], stored: StoredWeights, settings: dict[str, Any]
) -> nn.Module:
    """Make a network from stored weights.

    build (Callable[..., nn.Module]): Makes a network from its dimensions, given by name.
    stored (StoredWeights): The weights.
    settings (dict[str, Any]): The settings of the network, as `settings_of` returns them.
    RETURNS (nn.Module): A network of the stored dimensions with the stored weights, on the CPU.
        No random number was drawn for it.
    RAISES (ModelLoadError): If a tensor is missing, is not needed, or has another shape or type,
        or a setting is another one.
    """
    try:
        network = build_shapes(build, stored.dims)
    except ValueError as error:
        raise ModelLoadError(str(error), saved_by=stored.saved_by) from error
    tensors = named_tensors(network)
    problems = [
        f"{name}: stored {_shape(stored.tensors.get(name))}, expected {_shape(tensors.get(name))}"
        for name in sorted(tensors.keys() | stored.tensors.keys())
        if _shape(stored.tensors.get(name)) != _shape(tensors.get(name))
    ] or [
        f"{name}: stored {stored.settings[name]}, set to {settings[name]}"
        for name in sorted(settings.keys() & stored.settings.keys())
        if stored.settings[name] != settings[name]
    ]
    if problems:
        raise ModelLoadError(
            f"The stored weights do not fit the network: {'; '.join(problems)}. Use the "
            f"settings that the model was trained with",
            saved_by=stored.saved_by,
        )
    _fill(network, stored.tensors)
    return network


def _fill(network: nn.Module, stored: dict[str, Tensor]) -> None:
    """Give a network that has shapes alone its weights; what was one tensor stays one."""
    filled: dict[int, Tensor] = {}
    for name, tensor in named_tensors(network, detached=False).items():
        # Aligned and laid out as in training, or kernels may compute other last bits.
        weights = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
        weights.copy_(stored[name])
        is_parameter = isinstance(tensor, nn.Parameter)
        filled[id(tensor)] = (
            nn.Parameter(weights, tensor.requires_grad) if is_parameter else weights
        )
    for module in network.modules():
        for tensors in cast(list[dict[str, Any]], [module._parameters, module._buffers]):
            for name, each in tensors.items():
                if each is not None:
                    tensors[name] = filled[id(each)]


def _checksum(facts: dict[str, Any], tensors: dict[str, Tensor]) -> int:
    """Compute a checksum that any changed byte changes."""
    checksum = crc32(json.dumps(facts, sort_keys=True).encode("utf8"))
    for name, tensor in sorted(tensors.items()):
        checksum = crc32(f"{name} {_shape(tensor)}".encode(), checksum)
        checksum = crc32(cast(Any, tensor.reshape(-1).view(torch.uint8).numpy()), checksum)
    return checksum


def named_tensors(network: nn.Module, *, detached: bool = True) -> dict[str, Tensor]:
    """Return the parameters and buffers of a network, each once.

    network (nn.Module): The network.
    detached (bool): Whether to detach parameters from gradients.
    RETURNS (dict[str, Tensor]): The tensors by their first name.
    """
    named = (*network.named_parameters(), *network.named_buffers())
    return {name: tensor.detach() if detached else tensor for name, tensor in named}


def _shape(tensor: Tensor | None) -> str:
    if tensor is None:
        return "nothing"
    kind = "" if tensor.dtype == torch.float32 else f" {tensor.dtype}".replace("torch.", "")
    return f"{tuple(tensor.shape)}{kind}"
