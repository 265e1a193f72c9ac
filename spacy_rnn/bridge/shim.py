"""The bridge between a PyTorch network and Thinc."""

import copy
import logging
import math
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
from thinc.api import ArgsKwargs, Optimizer, PyTorchShim, torch2xp, xp2torch
from thinc.shims import Shim
from thinc.util import convert_recursive, get_array_module, get_torch_default_device
from torch import nn

from ..errors import ModelLoadError
from ..nn.dropout import scheduled_dropouts, set_dropout
from ..nn.kernels.prepared import Precision, PreparedWeights, prepare
from ..nn.kernels.quantized import has_int8
from .devices import has_bfloat16, limit_worker_threads
from .weights import (
    build_small,
    dump_weights,
    load_network,
    read_weights,
    round_weights,
    settings_of,
)

logger = logging.getLogger("spacy")

BUILT = ("_model", "_scheduled_dropouts", "_parameters", "_predictors")
"""Attributes that a shim has once its network is built."""


class NetworkShim(PyTorchShim):
    """Train, run and store a PyTorch network inside a Thinc model.

    Unlike with Thinc's own shim, dropout follows the training config, weight averages reach the
    network, one norm of all its gradients is clipped, prediction shares no mode with training,
    copies are trained apart, and weights are stored as safetensors, which hold numbers and nothing
    that runs.

    build (Callable[..., nn.Module]): Makes the network from its dimensions, given by
        name. A function of a module or a `functools.partial` of one, so that it pickles.
    dims (dict[str, int]): The initial dimensions.
    mixed_precision (bool): Whether to compute in bfloat16 where the hardware has it.
    device (torch.device | None): The device of the network. Default: the device of Thinc's
        current ops.
    method (str): The method of the network that computes its outputs. Default: a call of the
        network, which also runs its hooks.
    rate (Callable[[str, int], float] | None): Returns what the learning rate is multiplied by,
        from the name of a parameter and the steps taken so far: 0 leaves the parameter as it is.
        Default: 1 for all.

    build_network (Callable[..., nn.Module]): The argument `build`.
    mixed_precision (bool): The argument.
    sample_size (int): What the next step divides the gradients by, for a component to raise by the
        pieces of each batch: the mean over all pieces is then the same however a batch is split
        to accumulate gradients. 0 to leave them the sums that they are.
    saved_by (str | None): The version of this package that saved the weights, if they were loaded.
    int8 (tuple[str, ...]): The names of parameters that were rounded to 8-bit integers, and are
        stored so as long as no training changes them.
    steps (int): Steps since the weights were made or loaded.
    grad_norm (float): The norm of all gradients at the last step, divided but not yet clipped.
    skipped_steps (int): Steps not taken because a gradient was infinite or not a number.
    """

    def __init__(
        self,
        build: Callable[..., nn.Module],
        dims: dict[str, int],
        *,
        mixed_precision: bool = False,
        device: torch.device | None = None,
        method: str = "__call__",
        rate: Callable[[str, int], float] | None = None,
    ):
        super().__init__(None, device=device)
        self.build_network = build
        self.mixed_precision = mixed_precision
        self._method = method
        self._device = get_torch_default_device() if device is None else device
        self._rate = rate
        del self._model
        self.dims = dims
        self._begin()
        # The settings are checked now. Weights are drawn by the way, and those of what is made
        # afterwards from the same seed depend on that.
        network = build_small(build, dims)
        if network is not None:
            self._set_network(network)

    def __getattr__(self, name: str) -> Any:
        """Build a large network when it is first needed: often others are loaded in its place."""
        if name not in BUILT or "dims" not in vars(self):
            raise AttributeError(f'"{type(self).__name__}" object has no attribute "{name}"')
        self.build(**self.dims)
        return vars(self)[name]

    @property
    def device(self) -> torch.device:
        """torch.device: The device of the network."""
        return self._device

    @property
    def network(self) -> nn.Module:
        """nn.Module: The network that is trained, in training mode."""
        return self._model

    def build(self, **dims: int) -> None:
        """Build the network again, with new weights.

        dims (int): Its dimensions by name.
        RAISES (ValueError): If the network cannot be built from them.
        """
        self.dims = dims
        self._set_network(self.build_network(**dims))
        self._begin()

    def grow(self, **dims: int) -> None:
        """Build the network for larger dimensions, with the weights that it has, and zeros.

        It gets a new id, since what an optimizer holds of it is of the old size.

        dims (int): The dimensions that change, by name.
        """
        weights = {name: parameter.detach() for name, parameter in self._parameters.items()}
        self.dims = {**self.dims, **dims}
        network = self.build_network(**self.dims)
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.zero_()
                parameter[tuple(map(slice, weights[name].shape))] = weights[name]
        self._set_network(network)
        self._renew_id()

    def _renew_id(self) -> None:
        """Take another id: two networks with one would get each other's averages and moments."""
        with Shim.global_id_lock:
            Shim.global_id += 1
            self.id = Shim.global_id

    def _begin(self, saved_by: str | None = None, int8: tuple[str, ...] = ()) -> None:
        self.saved_by = saved_by
        self.int8 = int8
        self._found_nonfinite = False
        self.sample_size = 0
        self.steps = 0
        self.grad_norm = 0.0
        self.skipped_steps = 0

    @property
    def training_state(self) -> dict[str, int]:
        """dict[str, int]: What a training needs beside the weights to go on where it was."""
        return {"steps": self.steps, "skipped_steps": self.skipped_steps}

    @training_state.setter
    def training_state(self, state: dict[str, int]) -> None:
        self.steps, self.skipped_steps = state["steps"], state["skipped_steps"]

    def set_dropout_rate(self, rate: float) -> None:
        """Set the rate of all dropouts that have none of their own, for training.

        rate (float): The share of what is dropped, at least 0 and below 1.
        RAISES (ValueError): If the rate is out of bounds.
        """
        set_dropout(self._scheduled_dropouts, rate)

    def prepare_step(self) -> bool:
        """Record gradients of only those parameters that the next step will change.

        RETURNS (bool): Whether there are any.
        """
        for name, parameter in self._parameters.items():
            parameter.requires_grad_(self._rate_of(name) > 0)
        return any(parameter.requires_grad for parameter in self._parameters.values())

    def _rate_of(self, name: str) -> float:
        return 1.0 if self._rate is None else self._rate(name, self.steps)

    def predict(self, inputs: ArgsKwargs) -> Any:
        """Run the network without noise. Any number of threads may do so at once.

        inputs (ArgsKwargs): What the network takes.
        RETURNS (Any): What the network returns.
        """
        with self.predictor() as network:
            return self._run(network, inputs)

    def _run(self, network: nn.Module, inputs: ArgsKwargs) -> Any:
        return getattr(network, self._method)(*inputs.args, **inputs.kwargs)

    @contextmanager
    def predictor(self, precision: Precision | None = None) -> Iterator[nn.Module]:
        """Lend the network for prediction, for any number of calls until the weights change.

        precision (Precision | None): The precision of products with prepared weights: of
            `step_precision` for steps. Default: float32, and with mixed precision what torch's
            autocast chooses, for whole sequences.
        YIELDS (nn.Module): A network in evaluation mode on the trained weights, which are
            prepared once for each precision.
        """
        network = self._predictor(precision or "float32")
        # On a CPU a step has its precision from the prepared weights: all else that it computes
        # is so little that the casts of autocast take longer than they save.
        is_step = precision is not None and self._device.type == "cpu"
        autocast = torch.autocast("cpu", enabled=False) if is_step else self._autocast()
        with torch.inference_mode(), autocast:
            yield network

    def _predictor(self, precision: Precision) -> nn.Module:
        predictors = self._predictors
        if precision not in predictors:
            weights = PreparedWeights(precision, unquantized=self._float_precision())
            predictors[precision] = prepare(predictors["float32"][0], weights), weights
        return predictors[precision][0]

    def step_precision(self, int8: bool = False) -> Precision:
        """Return the precision for a network that runs step by step, as in a search.

        int8 (bool): Whether to compute in 8-bit integers, where the device does.
        RETURNS (Precision): The precision: otherwise bfloat16 with mixed precision, where the
            hardware has it, or float32.
        """
        if int8 and has_int8(self._device):
            return "int8"
        if int8:
            warnings.warn(
                f"int8 is on, but torch has no products of 8-bit integers on this device "
                f"({self._device}): computing in floating point",
                stacklevel=2,
            )
        return self._float_precision()

    def _float_precision(self) -> Precision:
        is_mixed = self.mixed_precision and has_bfloat16(self._device)
        return "bfloat16" if is_mixed else "float32"

    def begin_update(self, inputs: ArgsKwargs) -> tuple[Any, Callable[[ArgsKwargs], ArgsKwargs]]:
        """Run the network in training mode and record what the gradients need.

        inputs (ArgsKwargs): What the network takes; tensors that require gradients get
            them.
        RETURNS (tuple[Any, Callable]): What the network returns, and a callback that
            takes the arguments of `torch.autograd.backward` and returns the gradients
            of the inputs. Where one of these is not finite, all are zero and the next
            step is skipped.
        """
        with self._autocast():
            outputs = self._run(self._model, inputs)

        def backprop(grads: ArgsKwargs) -> ArgsKwargs:
            torch.autograd.backward(*grads.args, **grads.kwargs)
            d_inputs = [
                value.grad
                for value in (*inputs.args, *inputs.kwargs.values())
                if getattr(value, "grad", None) is not None
            ]
            if not all(math.isfinite(d_input.sum()) for d_input in d_inputs):
                self._found_nonfinite = True
                for d_input in d_inputs:
                    d_input.zero_()
            return convert_recursive(_has_grad, lambda value: value.grad, inputs)

        return outputs, backprop

    def finish_update(self, optimizer: Optimizer) -> None:
        """Take one step with the gradients so far.

        They are divided by the sample size, if there is one. All gradients of the network
        together are then scaled down to the norm `optimizer.grad_clip` if they exceed it
        (Pascanu et al. 2013). A step with a gradient that is infinite or not a number is skipped
        and counted.

        optimizer (Optimizer): Thinc's optimizer, or any callable of its signature, for which all
            layers have one learning rate.
        RAISES (ValueError): If layers have learning rates of their own, which RAdam ignores.
        """
        if self._rate is not None and getattr(optimizer, "use_radam", False):
            final = {self._rate(name, sys.maxsize) for name in self._parameters}
            if not final <= {0, 1}:
                raise ValueError(
                    "RAdam.v1 ignores the learning rates of layers: choose spacy-rnn.Adam.v1, "
                    "Adam.v1 or SGD.v1, or set rate_decay = 1.0"
                )
        rates = {name: self._rate_of(name) for name in self._parameters}
        gradients = {
            name: cast(Any, torch2xp(parameter.grad))
            for name, parameter in self._parameters.items()
            if parameter.grad is not None and rates[name] > 0
        }
        self.steps += 1
        limit = getattr(optimizer, "grad_clip", None) or math.inf
        self.grad_norm = _scale(gradients.values(), self.sample_size or 1, limit)
        if gradients and (self._found_nonfinite or not math.isfinite(self.grad_norm)):
            self.skipped_steps += 1
            logger.warning(
                "Skipped a step: a gradient is infinite or not a number (%d so far). "
                "If this goes on, lower the learning rate.",
                self.skipped_steps,
            )
        else:
            for name, gradient in gradients.items():
                weights = cast(Any, torch2xp(self._parameters[name].data))
                # What spaCy calls in place of an optimizer has no such argument.
                has_scale = rates[name] != 1 and isinstance(optimizer, Optimizer)
                scale = {"lr_scale": rates[name]} if has_scale else {}
                updated, _ = optimizer((self.id, name), weights, gradient, **scale)
                weights[...] = updated
            self._clear_prepared()
        self._found_nonfinite = False
        self.sample_size = 0
        for parameter in self._parameters.values():
            parameter.grad = None

    @contextmanager
    def use_params(self, params: dict) -> Iterator[None]:
        """Replace weights for a while, and put the old ones back whatever happens.

        params (dict): Arrays by (id of the shim, name of the parameter), as in the
            averages of an optimizer; keys of others are passed over.
        YIELDS (None): While they are replaced.
        """
        swapped = {
            parameter: params[self.id, name]
            for name, parameter in self._parameters.items()
            if (self.id, name) in params
        }
        backup = {parameter: parameter.data for parameter in swapped}
        try:
            for parameter, weights in swapped.items():
                parameter.data = xp2torch(weights, device=self.device)
            self._clear_prepared()
            yield
        finally:
            for parameter, weights in backup.items():
                parameter.data = weights
            self._clear_prepared()

    def copy(self) -> "NetworkShim":
        """Copy the network, under an id of its own.

        RETURNS (NetworkShim): The copy, to be trained apart.
        """
        return copy.deepcopy(self)

    def to_device(self, device_type: str, device_id: int) -> None:
        """Move the network.

        device_type (str): "cpu" or "gpu", as Thinc's ops call it.
        device_id (int): The number of the GPU.
        """
        self._device = torch.device(f"cuda:{device_id}" if device_type == "gpu" else device_type)
        if "_model" in vars(self):
            self._set_network(self._model)

    def quantize(self) -> None:
        """Round large matrices to 8-bit integers, as which they are stored from then on.

        RAISES (ValueError): If a weight is infinite or not a number.
        """
        self.int8 = round_weights(self._model)
        self._clear_prepared()

    def to_bytes(self) -> bytes:
        """Store the network.

        RETURNS (bytes): What `dump_weights` returns.
        """
        return dump_weights(self._model, self.dims, settings_of(self.build_network), self.int8)

    def from_bytes(self, data: bytes) -> "NetworkShim":
        """Put a network with stored dimensions and weights in the place of this one.

        data (bytes): What `to_bytes` returned.
        RETURNS (NetworkShim): The same shim. After an error it has the network that it had.
        RAISES (ModelLoadError): If the data are damaged, or do not fit the network.
        """
        stored = read_weights(data)
        if stored.dims.keys() != self.dims.keys():
            raise ModelLoadError(
                f"The weights were stored for the dimensions {stored.dims}, but this network has "
                f"the dimensions {self.dims}: load them into the architecture that they "
                f"were trained with"
            )
        network = load_network(self.build_network, stored, settings_of(self.build_network))
        self.dims = stored.dims
        self._set_network(network)
        self._begin(stored.saved_by, stored.int8)
        return self

    def remember(self) -> Callable[[], None]:
        """Return a function that puts back what the shim holds now, after others were loaded.

        RETURNS (Callable[[], None]): The function. Nothing is copied: loading replaces the
            network.
        """
        state = dict(vars(self))

        def restore() -> None:
            vars(self).clear()
            vars(self).update(state)

        return restore

    def __getstate__(self) -> dict:
        derived = ("_scheduled_dropouts", "_parameters", "_predictors")
        return {key: value for key, value in vars(self).items() if key not in derived}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self._renew_id()
        if "_model" in state:
            self._set_network(self._model)

    def _set_network(self, network: nn.Module) -> None:
        """Hold a network that is trained, and those on the same weights that predict."""
        self._model = network.to(self._device).train()
        self._scheduled_dropouts = scheduled_dropouts(self._model)
        self._parameters = dict(self._model.named_parameters())
        weights = PreparedWeights()
        # Where the trained network gets hooks later, these run in training alone.
        self._predictors: dict[Precision, tuple[nn.Module, PreparedWeights]] = {}
        self._predictors["float32"] = (prepare(self._model, weights), weights)
        limit_worker_threads()

    def _clear_prepared(self) -> None:
        """Forget what was prepared of weights that have changed."""
        for _, weights in [*self._predictors.values()]:
            weights.clear()

    def _autocast(self) -> AbstractContextManager:
        """Return torch's autocast for mixed precision.

        It is for training, and for prediction of whole sequences, where torch chooses the type of
        each operation, not this package alone.
        """
        if self.mixed_precision:
            if has_bfloat16(self._device):
                return torch.autocast(self._device.type, torch.bfloat16)
            warnings.warn(
                f"mixed_precision is on, but torch knows no bfloat16 on this device "
                f"({self._device}): computing in float32",
                stacklevel=2,
            )
        return nullcontext()


def _scale(gradients: Collection[Any], sample_size: int, limit: float) -> float:
    """Divide gradients and clip their norm in place, and return the norm before clipping.

    Where it is not finite they stay as they are. Torch's `clip_grad_norm_` takes longer for a
    small network.
    """
    norm = math.sqrt(sum(get_array_module(part).vdot(part, part) for part in gradients))
    norm /= sample_size
    if math.isfinite(norm) and (sample_size > 1 or norm > limit):
        factor = min(1, limit / norm) / sample_size if norm else 1
        for gradient in gradients:
            gradient *= factor
    return norm


def _has_grad(value: object) -> bool:
    return hasattr(value, "grad")
