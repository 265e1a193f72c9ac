"""All that a training needs to go on, weights, optimizer, random states, in one file."""

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from thinc.api import Optimizer
from thinc.util import to_numpy

from .atomic import replace_file

RATES = ("grad_clip", "learn_rate", "b1", "b2", "eps", "L2")
"""The attributes of Thinc's optimizer that schedules may set."""
MOMENTS = ("mom1", "mom2", "averages")
"""The attributes of Thinc's optimizer that hold an array for each parameter."""


def write_checkpoint(path: Path, state: dict[str, Any]) -> int:
    """Write a checkpoint in place of the one before.

    path (Path): The file. At each moment it is the one or the other, whole.
    state (dict[str, Any]): What to store: arrays, bytes, and what JSON has, nested.
    RETURNS (int): The size of the file in bytes.
    """
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    rest = json.dumps(_take_arrays(state, arrays))
    data = save(arrays, {"state": rest})
    replace_file(path, data)
    return len(data)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint. It holds numbers and names, and nothing that runs.

    path (Path): The file.
    RETURNS (dict[str, Any]): What was stored.
    RAISES (ValueError): If the file is no checkpoint.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    data = path.read_bytes()
    try:
        arrays = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return _put_arrays(json.loads(header["__metadata__"]["state"]), arrays)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is no checkpoint of a training ({error}): delete it and start over"
        ) from error


def _take_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Replace arrays and bytes by their numbers among all arrays."""
    if isinstance(value, dict):
        return {key: _take_arrays(each, arrays) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_take_arrays(each, arrays) for each in value]
    if not isinstance(value, np.ndarray | bytes):
        return value
    number = str(len(arrays))
    if isinstance(value, bytes):
        arrays[number] = np.frombuffer(value, dtype="uint8")
        return {"$bytes": number}
    arrays[number] = np.ascontiguousarray(value).reshape(value.shape)
    return {"$array": number}


def _put_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Put arrays and bytes back."""
    if isinstance(value, list):
        return [_put_arrays(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$bytes"}:
        return arrays[value["$bytes"]].tobytes()
    if value.keys() == {"$array"}:
        return arrays[value["$array"]].copy()
    return {key: _put_arrays(each, arrays) for key, each in value.items()}


# Random states


def get_random_states() -> dict[str, Any]:
    """Return the states of all global random generators.

    RETURNS (dict[str, Any]): Those of Python and NumPy, and of torch where it is loaded.
    """
    states = {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)}
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy()
        if torch.cuda.is_initialized():
            states["cuda"] = [state.numpy() for state in torch.cuda.get_rng_state_all()]
    return states


def set_random_states(states: dict[str, Any]) -> None:
    """Set the states of all global random generators.

    states (dict[str, Any]): What `get_random_states` returned, or what became of it in a file.
    """
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(states["numpy"])
    if "torch" in states:
        import torch

        torch.set_rng_state(torch.from_numpy(states["torch"]))
        if "cuda" in states and torch.cuda.is_available():
            torch.cuda.set_rng_state_all([torch.from_numpy(state) for state in states["cuda"]])


# Components and optimizer


def get_training_state(nlp: Language, optimizer: Optimizer, names: list[str]) -> dict[str, Any]:
    """Return the state of components that are trained, and of their optimizer.

    nlp (Language): The pipeline.
    optimizer (Optimizer): Thinc's optimizer, or a subclass.
    names (list[str]): The names of the components.
    RETURNS (dict[str, Any]): The state, without the ids of this process.
    """
    components = {}
    for name in names:
        component: Any = nlp.get_pipe(name)
        components[name] = {
            "bytes": component.to_bytes(exclude=["vocab"]),
            "state": getattr(component, "training_state", None),
            "shims": [
                getattr(shim, "training_state", None)
                for node in component.model.walk()
                for shim in node.shims
            ],
            # A step changes parameters whose gradient is zero, not those that have none.
            "gradients": [
                [number, param, to_numpy(gradient) if gradient.any() else None]
                for number, node in enumerate(component.model.walk())
                for param in node.param_names
                if (gradient := node.maybe_get_grad(param)) is not None
            ],
        }
    parameters = [
        {
            "owner": owner,
            "updates": optimizer.nr_update[key],
            **{
                moment: to_numpy(arrays[key])
                for moment in MOMENTS
                if key in (arrays := getattr(optimizer, moment) or {})
            },
        }
        for owner, key in _keys_of(nlp, names)
        if key in optimizer.nr_update
    ]
    rates = {name: getattr(optimizer, name) for name in RATES}
    return {"components": components, "parameters": parameters, "rates": rates}


def set_training_state(nlp: Language, optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Set the state of components that are trained, and of their optimizer.

    nlp (Language): A pipeline of the same components, initialized.
    optimizer (Optimizer): An optimizer of the same kind.
    state (dict[str, Any]): What `get_training_state` returned.
    """
    for name, stored in state["components"].items():
        component: Any = nlp.get_pipe(name)
        component.from_bytes(stored["bytes"], exclude=["vocab"])
        if stored["state"] is not None:
            component.training_state = stored["state"]
        nodes = list(component.model.walk())
        shims = [shim for node in nodes for shim in node.shims]
        for shim, shim_state in zip(shims, stored["shims"], strict=True):
            if shim_state is not None:
                shim.training_state = shim_state
        for number, param, gradient in stored["gradients"]:
            if gradient is None:
                gradient = np.zeros(nodes[number].get_param(param).shape, dtype="float32")
            nodes[number].set_grad(param, component.model.ops.asarray(gradient))
    # Restored components may have new models, with new ids.
    keys = {tuple(owner): key for owner, key in _keys_of(nlp, list(state["components"]))}
    for moment in MOMENTS:
        if getattr(optimizer, moment) is not None:
            getattr(optimizer, moment).clear()
    optimizer.nr_update.clear()
    for stored in state["parameters"]:
        name, *_ = owner = tuple(stored["owner"])
        optimizer.nr_update[keys[owner]] = stored["updates"]
        component = nlp.get_pipe(name)
        for moment in MOMENTS:
            if moment in stored:
                getattr(optimizer, moment)[keys[owner]] = component.model.ops.asarray(
                    stored[moment]
                )
    for name, rate in state["rates"].items():
        setattr(optimizer, name, rate)


def _keys_of(nlp: Language, names: list[str]) -> Iterator[tuple[list, tuple[int, str]]]:
    """Yield where each parameter is in the pipeline, and the optimizer's key of it.

    The key has an id that other processes give to other parameters.
    """
    for name in names:
        component: Any = nlp.get_pipe(name)
        for number, node in enumerate(component.model.walk()):
            for param in node.param_names:
                yield [name, number, -1, param], (node.id, param)
            for place, shim in enumerate(node.shims):
                # Thinc's shims hold their network under this name.
                for param, _ in shim._model.named_parameters():
                    yield [name, number, place, param], (shim.id, param)
