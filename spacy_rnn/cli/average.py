"""Average the weights of trained pipelines."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import srsly
from spacy.cli._util import Arg
from spacy.language import Language
from spacy.util import load_model
from thinc.api import Model
from wasabi import msg

from ..pipeline.storage import MANIFEST
from ..training.resumable import config_differences
from .messages import fail
from .models import store_pipeline
from .outputs import check_outputs

SHOWN = 5
"""Differences that an error names."""


EXAMPLES = """
python -m spacy rnn average training/mean training/model-{2800,3000,3200}
"""


def average_cli(
    output: Path = Arg(..., help="Folder for the new pipeline", file_okay=False),
    models: list[str] = Arg(..., help="Pipelines: names of packages, or folders"),
) -> None:
    """Average the weights of pipelines of one training.

    All components need the same architecture and the same vocabulary or labels
    in each pipeline. Config and all else are those of the first. Weights of
    trainings from different seeds have no use for a mean.
    """
    try:
        has_changed = average(output, models)
    except (OSError, ValueError) as error:
        fail("Could not average the pipelines", error)
    msg.good(f"Mean of {len(models)} pipelines written to {output}")
    if not has_changed:
        msg.warn("All have the same weights")


def average(output: Path, models: Sequence[str | Path]) -> bool:
    """Average the weights of pipelines.

    output (Path): The folder for a pipeline with the mean. Its scores are left out unless it is
        the first pipeline itself.
    models (Sequence[str | Path]): The names of packages, or folders.
    RETURNS (bool): Whether it differs from the first pipeline.
    RAISES (ValueError): If an architecture, a vocabulary or a shape differs, or the folder is that
        of one of the pipelines.
    """
    from ..bridge.averaging import ModelMean

    check_outputs([output], models)
    first, *others = models
    nlp = load_model(first)
    facts = describe(nlp)
    means = {name: ModelMean(model) for name, model in _trained(nlp).items()}
    for other in others:
        added = load_model(other)
        differences = [*config_differences(facts, describe(added))]
        for name, model in {} if differences else _trained(added).items():
            differences += [f"{name}, {each}" for each in means[name].add(model)]
        if differences:
            raise ValueError(
                f"{other} does not fit {first}:\n"
                + "\n".join(f"- {each:.200}" for each in islice(differences, SHOWN))
                + "\nAverage checkpoints of one training, or a pipeline and one trained on from it"
            )
    changed = [mean.apply() for mean in means.values()]
    if any(changed):
        nlp.meta["performance"] = {}
    store_pipeline(nlp, output)
    return any(changed)


def describe(nlp: Language) -> dict[str, Any]:
    """Describe all that pipelines need to have in common for their weights to have a mean.

    nlp (Language): The pipeline.
    RETURNS (dict[str, Any]): For each component with weights the settings of its model, but for
        those that weights do not depend on, and all else that is stored of it, such as labels.
    """
    settings = nlp.config.interpolate()["components"]
    return {
        name: {
            "model": _essential(settings[name].get("model", {})),
            **_stored_parts(nlp.get_pipe(name)),
        }
        for name in _trained(nlp)
    }


def _trained(nlp: Language) -> dict[str, Model]:
    """Return the models of all components that have one."""
    models = {name: getattr(component, "model", None) for name, component in nlp.components}
    return {name: model for name, model in models.items() if isinstance(model, Model)}


def _essential(settings: Any) -> Any:
    from ..bridge.weights import FREE_SETTINGS

    if not isinstance(settings, dict):
        return settings
    return {
        name: _essential(value) for name, value in settings.items() if name not in FREE_SETTINGS
    }


def _stored_parts(component: Any) -> dict[str, Any]:
    """Return what is stored of a component beside its weights: JSON, or size and digest."""
    parts = {
        f"layer {number} ({node.name}), {name}": value
        for number, node in enumerate(component.model.walk())
        for name, value in node.attrs.items()
        if isinstance(value, bytes)
    }
    parts |= srsly.msgpack_loads(component.to_bytes(exclude=["vocab", "model"]))
    parts.pop(MANIFEST, None)
    return {name: _parse(data) for name, data in parts.items()}


def _parse(data: Any) -> Any:
    try:
        return _essential(json.loads(data))
    except (TypeError, ValueError):
        data = srsly.msgpack_dumps(data)
        return f"{len(data)} bytes with digest {blake2b(data, digest_size=4).hexdigest()}"
