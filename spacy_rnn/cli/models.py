"""What the commands share: a loaded pipeline and its translator."""

from pathlib import Path
from typing import TYPE_CHECKING

from spacy.cli._util import setup_gpu
from spacy.language import Language
from spacy.util import load_model

if TYPE_CHECKING:
    from ..pipeline.translator.component import RecurrentTranslator

    pass


def load_translator(
    model: str | Path, component: str | None = None, gpu_id: int = -1
) -> "tuple[Language, RecurrentTranslator]":
    """Load a pipeline with a translator.

    model (str | Path): The name of a package, or a folder.
    component (str | None): The translator's name, where there are several.
    gpu_id (int): The GPU to use, -1 for the CPU.
    RETURNS (tuple[Language, RecurrentTranslator]): The pipeline and its translator.
    RAISES (ValueError): If there is no translator of that name, or not one alone.
    """
    from ..pipeline.translator.component import RecurrentTranslator

    setup_gpu(gpu_id, silent=True)
    nlp = load_model(model)
    translators = {
        name: pipe for name, pipe in nlp.pipeline if isinstance(pipe, RecurrentTranslator)
    }
    if component is None and len(translators) == 1:
        (component,) = translators
    if component not in translators:
        found = ", ".join(translators) or "none"
        raise ValueError(
            f"The translators of {model} are: {found}. Name one of them with --component"
        )
    return nlp, translators[component]
