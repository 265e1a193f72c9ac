"""Round the weights of a trained pipeline to 8-bit integers."""

from pathlib import Path

from spacy.cli._util import Arg
from spacy.util import load_model
from wasabi import msg

from .info import find_networks
from .messages import fail
from .models import store_pipeline
from .outputs import check_outputs

EXAMPLES = """
python -m spacy rnn quantize training/model-best training/small
"""


def quantize_cli(
    model: str = Arg(..., help="Pipeline: the name of a package, or a folder"),
    output: Path = Arg(..., help="Folder for the smaller pipeline", file_okay=False),
) -> None:
    """Store a pipeline with 8-bit weights, in about a quarter of the space.

    Rounds the large matrices of networks of spacy-rnn, embeddings included. The
    new pipeline is used like the old one. Evaluate both: scores may differ.
    """
    try:
        sizes = quantize(model, output)
    except (OSError, ValueError) as error:
        fail("Could not quantize the pipeline", error)
    rows = [(name, *map(format_size, pair)) for name, pair in sizes.items()]
    msg.table(rows, header=("Component", "Before", "After"), divider=True, aligns=("l", "r", "r"))
    msg.good(f"Pipeline written to {output}")


def quantize(model: str | Path, output: Path) -> dict[str, tuple[int, int]]:
    """Round the weights of a pipeline to 8-bit integers, and store it so.

    model (str | Path): The name of a package, or a folder.
    output (Path): The folder for the rounded pipeline. It has no scores, which were those of the
        weights before.
    RETURNS (dict[str, tuple[int, int]]): For each component with rounded weights its size in
        bytes, before and after.
    RAISES (ValueError): If there is nothing to round, a weight is not finite, or the folder is
        that of the pipeline.
    """
    from ..bridge.weights import MIN_ROUNDED

    check_outputs([output], [model])
    nlp = load_model(model)
    sizes = {}
    for name, component in nlp.components:
        component_model = getattr(component, "model", None)
        networks = find_networks(component_model)
        if component_model is None or not networks:
            continue
        before = len(component_model.to_bytes())
        for network in networks:
            network.quantize()
        if any(network.int8 for network in networks):
            sizes[name] = before, len(component_model.to_bytes())
    if not sizes:
        raise ValueError(
            f"{model} has no network of spacy-rnn with a matrix of {MIN_ROUNDED:,} weights or "
            f"more, from which rounding saves space: use it as it is"
        )
    nlp.meta["performance"] = {}
    store_pipeline(nlp, output)
    return sizes


def format_size(size: int) -> str:
    """Format a number of bytes.

    size (int): The number.
    RETURNS (str): The size in megabytes.
    """
    return f"{size / 1e6:.2f} MB"
