"""The mean of the weights of several models."""

from typing import Any, cast

import numpy as np
from thinc.api import Model

from .weights import named_tensors


class ModelMean:
    """The mean of models that are added one after the other, so that none has to be kept.

    model (Model): The first of them, on a CPU, which gets the mean.
    """

    def __init__(self, model: Model):
        self._arrays = weight_arrays(model)
        self._models = 1
        # Sums of float32 are exact in float64, and the mean of equal weights is these.
        self._sums = {
            name: array.astype("float64")
            for name, array in self._arrays.items()
            if array.dtype.kind == "f"
        }

    def add(self, model: Model) -> list[str]:
        """Add the weights of a model.

        model (Model): The model, on a CPU.
        RETURNS (list[str]): What differs where the weights do not fit. Nothing is added then.
        """
        arrays = weight_arrays(model)
        shapes, own_shapes = (
            {name: f"{array.dtype} {array.shape}" for name, array in each.items()}
            for each in (arrays, self._arrays)
        )
        differences = [
            f"{name} is {shapes.get(name, 'missing')}, and was {own_shapes.get(name, 'missing')}"
            for name in sorted(shapes.keys() | own_shapes.keys())
            if shapes.get(name) != own_shapes.get(name)
        ] or [
            f"{name} holds other {array.dtype} numbers, which have no mean"
            for name, array in self._arrays.items()
            if name not in self._sums and not np.array_equal(array, arrays[name])
        ]
        if not differences:
            for name, total in self._sums.items():
                total += arrays[name]
            self._models += 1
        return differences

    def apply(self) -> bool:
        """Write the mean over the weights of the first model.

        RETURNS (bool): Whether that changes any.
        """
        has_changed = False
        for name, total in self._sums.items():
            mean = (total / self._models).astype(self._arrays[name].dtype)
            has_changed |= not np.array_equal(mean, self._arrays[name])
            self._arrays[name][...] = mean
        return has_changed


def weight_arrays(model: Model) -> dict[str, np.ndarray]:
    """Return all weights of a model.

    model (Model): The model, on a CPU.
    RETURNS (dict[str, np.ndarray]): The parameters of its layers, and the parameters and buffers
        of its PyTorch networks, in the memory of the model, by the number and name of the layer.
    """
    arrays = {}
    for number, node in enumerate(model.walk()):
        layer = f"layer {number} ({node.name})"
        for name in filter(node.has_param, node.param_names):
            arrays[f"{layer}, {name}"] = cast(np.ndarray, node.get_param(name))
        for shim in cast(list[Any], node.shims):
            for name, tensor in named_tensors(shim._model).items():
                arrays[f"{layer}, {name}"] = tensor.numpy()
    return arrays
