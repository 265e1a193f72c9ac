"""Show what a trained pipeline is made of."""

import json
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from spacy.cli._util import Arg, Opt
from spacy.language import Language
from spacy.util import load_model
from thinc.api import Model
from wasabi import msg

from ..about import package_version
from .messages import fail
from .models import names_of

if TYPE_CHECKING:
    from ..bridge.shim import NetworkShim

LIBRARIES = ("spacy", "thinc", "torch", "numpy", "safetensors", "sentencepiece")


EXAMPLES = """
python -m spacy rnn info training/model-best
python -m spacy rnn info training/model-best --json | jq .scores
"""


def info_cli(
    model: str | None = Arg(None, help="Pipeline: the name of a package, or a folder"),
    as_json: bool = Opt(False, "--json", "-j", help="Print JSON"),
) -> None:
    """Show what a trained pipeline is made of.

    Lists the cells, sizes, vocabularies and labels of each component, the
    scores that the pipeline was saved with, and the versions of libraries,
    then and now. Without a pipeline it lists the installed versions alone.
    """
    facts: dict[str, Any]
    if model is None:
        facts = {"components": {}, "scores": {}, "versions": installed_versions()}
    else:
        try:
            facts = describe_pipeline(load_model(model))
        except (OSError, ValueError) as error:
            fail("Could not load the pipeline", error)
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for name, component in facts["components"].items():
        msg.divider(name)
        msg.table(format_rows(component))
    if facts["scores"]:
        msg.divider("Scores")
        msg.table(format_rows(facts["scores"]))
    msg.divider("Versions")
    msg.table(format_rows(facts["versions"]))


def describe_pipeline(nlp: Language) -> dict[str, Any]:
    """Describe a pipeline.

    nlp (Language): The pipeline.
    RETURNS (dict[str, Any]): "components": by name those of this package, and others with a
        network of its own; "scores": what `spacy train` wrote to the pipeline's meta.json;
        "versions": what `installed_versions` returns, and that of spaCy when it was saved.
    """
    components = {}
    for name in nlp.component_names:
        component: Any = nlp.get_pipe(name)
        networks = find_networks(getattr(component, "model", None))
        if networks or name in names_of(nlp):
            factory = nlp.get_pipe_meta(name).factory
            components[name] = {"factory": factory, **describe_component(component, networks)}
    performance = nlp.meta.get("performance", {})
    return {
        "name": f"{nlp.lang}_{nlp.meta['name']} {nlp.meta['version']}",
        "components": components,
        "scores": {
            key: round(score, 4) for key, score in performance.items() if type(score) is float
        },
        "versions": {
            **installed_versions(),
            "spacy of the pipeline": nlp.meta.get("spacy_version", ""),
        },
    }


def installed_versions() -> dict[str, str]:
    """Return the versions that results depend on.

    RETURNS (dict[str, str]): Versions of this package, of Python and of libraries, and the
        platform.
    """
    return {
        "spacy-rnn": package_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{library: version(library) for library in LIBRARIES},
    }


def find_networks(model: Model | None) -> "list[NetworkShim]":
    """Return the networks of this package within a model.

    model (Model | None): The model of a component, if it has one.
    RETURNS (list[NetworkShim]): Their shims.
    """
    from ..bridge.shim import NetworkShim

    nodes = [] if model is None else model.walk()
    return [shim for node in nodes for shim in node.shims if isinstance(shim, NetworkShim)]


def describe_component(component: Any, networks: "list[NetworkShim]") -> dict[str, Any]:
    """Describe a component.

    component (Any): The component.
    networks (list[NetworkShim]): The networks within its model.
    RETURNS (dict[str, Any]): What is known of it, in plain values by name.
    """
    from ..bridge.weights import settings_of

    own = [getattr(component, "saved_by", None)]
    saved_by = next(filter(None, [*own, *(shim.saved_by for shim in networks)]), None)
    recurrent = []
    for shim in networks:
        settings = settings_of(shim.build_network)
        for key, cell in settings.items():
            prefix, _, last = key.rpartition("cell")
            if not last and (not prefix or prefix.endswith(".")):
                recurrent.append(describe_cell(cell, prefix, settings))
    return {
        "saved by spacy-rnn": saved_by,
        "recurrent networks": recurrent,
        "weights": sum(count_weights(node) for node in component.model.walk()),
        "8-bit weights": sum(map(count_int8, networks)),
        "size in bytes": len(component.model.to_bytes()),
        "vocabularies": describe_vocabularies(component.model),
        "labels": len(component.labels),
    }


def describe_cell(cell: str, prefix: str, settings: dict[str, Any]) -> str:
    """Describe a recurrent network by its settings.

    cell (str): Its cell.
    prefix (str): What the names of its settings begin with.
    settings (dict[str, Any]): All settings, as `settings_of` returns them.
    RETURNS (str): A line, such as "encoder: lstm, width 64, depth 1".
    """
    part = prefix.removesuffix("settings.").removesuffix("network.").rstrip(".")
    sizes = [
        f"{name} {settings[prefix + name]}"
        for name in ("width", "depth")
        if prefix + name in settings
    ]
    return (f"{part}: " if part else "") + ", ".join([cell, *sizes])


def count_weights(node: Model) -> int:
    """Return the number of weights of a layer, without those of layers within it.

    node (Model): The layer.
    RETURNS (int): The number.
    """
    params = sum(node.get_param(name).size for name in node.param_names if node.has_param(name))
    networks = (getattr(shim, "network", None) for shim in node.shims)
    return params + sum(
        parameter.numel()
        for network in networks
        if network is not None
        for parameter in network.parameters()
    )


def count_int8(shim: "NetworkShim") -> int:
    """Return the number of weights of a network that were stored as 8-bit integers.

    shim (NetworkShim): The network.
    RETURNS (int): The number.
    """
    return sum(shim.network.get_parameter(name).numel() for name in shim.int8)


def describe_vocabularies(model: Model) -> dict[str, int]:
    """Return the sizes of the vocabularies of a model.

    model (Model): The model.
    RETURNS (dict[str, int]): The number of entries by the name of the layer and of its attribute.
    """
    from ..text.subwords import load_subwords
    from ..text.units import load_units

    sizes = {}
    for node in model.walk():
        if node.attrs.get("units"):
            units = load_units(node.attrs["units"])
            sizes[f"{node.name}: {units.kind}"] = len(units)
        if node.attrs.get("subwords"):
            sizes[f"{node.name}: subwords"] = len(load_subwords(node.attrs["subwords"]))
        if node.attrs.get("known"):
            sizes[f"{node.name}: known words"] = len(node.attrs["known"]) // 8  # uint64
    return sizes


def format_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return facts as rows of a table.

    facts (dict[str, Any]): Values by name.
    RETURNS (list[tuple[str, str]]): Name and value of those that have one.
    """
    rows = []
    for name, value in facts.items():
        if isinstance(value, dict):
            value = "; ".join(f"{key} {number}" for key, number in value.items())
        elif isinstance(value, list):
            value = "; ".join(value)
        if value not in ("", None):
            rows.append((name, f"{value:,}" if isinstance(value, int) else str(value)))
    return rows
