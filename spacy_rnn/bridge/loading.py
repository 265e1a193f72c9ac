"""Thinc models that are loaded whole or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from zlib import crc32

import numpy as np
import srsly
from thinc.api import Model
from thinc.model import InT, OutT
from thinc.shims import Shim

from ..errors import ModelLoadError


class CheckedModel(Model[InT, OutT]):
    """A model that is loaded whole, after its checksum was compared, or stays as it was.

    A model of Thinc loads one layer after the other, so that an error leaves a mixture. The
    checksum is one more entry of what is stored, which Thinc itself passes over.
    """

    __slots__ = ()

    def to_dict(self) -> dict:
        """Store the model.

        RETURNS (dict): What Thinc stores, and a checksum.
        """
        message = super().to_dict()
        return {**message, "checksum": _checksum(self, message)}

    def from_bytes(self, bytes_data: bytes) -> "CheckedModel[InT, OutT]":
        """Load the model.

        bytes_data (bytes): What `to_bytes` returned.
        RETURNS (CheckedModel): The same model. After an error it is what it was before.
        RAISES (ModelLoadError): If the data are damaged, or are those of another architecture.
        """
        with all_or_nothing(self):
            return cast(CheckedModel, super().from_bytes(bytes_data))

    def from_dict(self, msg: dict) -> "CheckedModel[InT, OutT]":
        """Load the model.

        msg (dict): What `to_dict` returned.
        RETURNS (CheckedModel): The same model. After an error it is what it was before.
        RAISES (ModelLoadError): If the data are damaged, or are those of another architecture.
        """
        with all_or_nothing(self):
            _check_structure(self, msg)
            if msg.get("checksum") != _checksum(self, msg):
                raise ModelLoadError(
                    "What is stored of the model is not what was saved, by its checksum: restore "
                    "it from where it was copied, or train it again"
                )
            return cast(CheckedModel, super().from_dict(msg))


def checked(model: Model[InT, OutT]) -> CheckedModel[InT, OutT]:
    """Make a checked model of one that was just built by a function of Thinc or spaCy.

    model (Model[InT, OutT]): The model, which is not used by itself afterwards.
    RETURNS (CheckedModel[InT, OutT]): The same layers.
    """
    return CheckedModel(
        model.name,
        model._func,
        init=model.init,
        dims={
            name: model.get_dim(name) if model.has_dim(name) else None for name in model.dim_names
        },
        layers=model.layers,
        refs={
            name: model.get_ref(name) if model.has_ref(name) else None for name in model.ref_names
        },
        attrs=dict(model.attrs),
    )


@contextmanager
def all_or_nothing(model: Model) -> Iterator[None]:
    """Load a model, and put everything back as it was if that fails.

    model (Model): The model, with or without networks of this package.
    RAISES (ModelLoadError): For any exception within the block.
    """
    undo = [_remember(node) for node in model.walk()]
    try:
        yield
    except BaseException as error:
        for restore in undo:
            restore()
        if isinstance(error, Exception) and not isinstance(error, ModelLoadError):
            raise ModelLoadError(describe(error)) from error
        raise


def describe(error: Exception) -> str:
    """Return what an exception says, which in some that Python raises needs their type.

    error (Exception): The exception.
    RETURNS (str): The reason that nothing was loaded.
    """
    return f"{type(error).__name__}: {error}"


def _remember(node: Model) -> Callable[[], None]:
    """Return a function that makes a layer what it is now. No array is copied."""
    name, attrs = node.name, dict(node.attrs)
    dims = {dim: node.get_dim(dim) if node.has_dim(dim) else None for dim in node.dim_names}
    refs = {ref: node.get_ref(ref) if node.has_ref(ref) else None for ref in node.ref_names}
    params = {
        param: node.get_param(param) if node.has_param(param) else None
        for param in node.param_names
    }
    shims = [_remember_shim(shim) for shim in node.shims]

    def restore() -> None:
        node.name = name
        node.attrs.clear()
        node.attrs.update(attrs)
        for ref, layer in refs.items():
            node.set_ref(ref, layer)
        for param in params:  # The dimensions of a layer that has parameters are fixed.
            node.set_param(param, None)
        for dim, size in dims.items():
            node.set_dim(dim, cast(int, size), force=True)
        for param, array in params.items():
            node.set_param(param, array)
        for restore_shim in shims:
            restore_shim()

    return restore


def _remember_shim(shim: Shim) -> Callable[[], object]:
    remember = getattr(shim, "remember", None)
    if remember is not None:
        return remember()
    stored = shim.to_bytes()
    return lambda: shim.from_bytes(stored)


def _check_structure(model: Model, message: dict) -> None:
    """Refuse what was stored of a model of other layers."""
    nodes = list(model.walk())
    for node, info, params, shims in zip(
        nodes, message["nodes"], message["params"], message["shims"], strict=True
    ):
        stored = {"dims": info["dims"], "params": params, "refs": info["refs"]}
        own = {"dims": node.dim_names, "params": node.param_names, "refs": node.ref_names}
        for kind, names in own.items():
            unknown = stored[kind].keys() - set(names)
            # A later version may give a layer more references, which are made when it is built.
            missing = set() if kind == "refs" else set(names) - stored[kind].keys()
            if unknown or missing:
                raise ModelLoadError(
                    f'The layer "{node.name}" has the {kind} {sorted(names)}, but is stored with '
                    f"{sorted(stored[kind])}: use the architecture that the model was trained with"
                )
        if len(shims) != len(node.shims):
            raise ModelLoadError(
                f'The layer "{node.name}" has {len(node.shims)} networks, but is stored with '
                f"{len(shims)}: use the architecture that the model was trained with"
            )


def _checksum(model: Model, message: dict[str, Any]) -> int:
    """Compute a checksum that any changed byte changes, but for networks, which have their own."""
    checksum = crc32(srsly.msgpack_dumps([message["nodes"], message["attrs"]]))
    for node, params, shims in zip(model.walk(), message["params"], message["shims"], strict=True):
        for name, array in params.items():
            if array is not None:
                array = np.ascontiguousarray(node.ops.to_numpy(array, byte_order="<"))
                checksum = crc32(f"{name} {array.dtype.str} {array.shape}".encode(), checksum)
                checksum = crc32(cast(Any, array), checksum)
        for shim, data in zip(node.shims, shims, strict=True):
            if not hasattr(shim, "remember"):
                checksum = crc32(data, checksum)
    return checksum
