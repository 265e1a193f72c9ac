"""Pipelines that commands load, and their components."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from spacy.cli._util import setup_gpu
from spacy.language import Language
from spacy.util import load_model

from ..training.atomic import replace_directory

if TYPE_CHECKING:
    from ..pipeline.lm.component import RecurrentLanguageModel
    from ..pipeline.translator.component import RecurrentTranslator

TRANSLATOR = "rnn_translator"
LANGUAGE_MODEL = "rnn_lm"
FACTORIES = (
    TRANSLATOR,
    "rnn_tagger",
    "rnn_ner",
    "rnn_textcat",
    "rnn_textcat_multilabel",
    LANGUAGE_MODEL,
)
"""tuple[str, ...]: The factories of all components of this package."""


def names_of(nlp: Language, factories: Sequence[str] = FACTORIES) -> list[str]:
    """Return the names of the components that some factories made.

    nlp (Language): The pipeline.
    factories (Sequence[str]): The factories.
    RETURNS (list[str]): The names, in the order of the pipeline.
    """
    return [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory in factories]


def translators_of(nlp: Language, names: Iterable[str]) -> "dict[str, RecurrentTranslator]":
    """Return the translators among components.

    nlp (Language): The pipeline.
    names (Iterable[str]): The names of components.
    RETURNS (dict[str, RecurrentTranslator]): Translators by name.
    """
    found = names_of(nlp, [TRANSLATOR])
    return {
        name: cast("RecurrentTranslator", nlp.get_pipe(name)) for name in names if name in found
    }


def load_components(
    model: str | Path, component: str | None = None, gpu_id: int = -1
) -> tuple[Language, list[str]]:
    """Load a pipeline and choose among its components.

    model (str | Path): The name of a package, or a folder.
    component (str | None): The name of one component; None for all of this package.
    gpu_id (int): The GPU to use, -1 for the CPU.
    RETURNS (tuple[Language, list[str]]): The pipeline, and the names of the components.
    RAISES (ValueError): If there is none of that name.
    """
    nlp = _load(model, gpu_id)
    names = names_of(nlp)
    chosen = names if component is None else [name for name in names if name == component]
    if not chosen:
        raise ValueError(
            f"The components of spacy-rnn in {model} are: {', '.join(names) or 'none'}. Name one "
            f"of them with --component, or another pipeline"
        )
    return nlp, chosen


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
    nlp = _load(model, gpu_id)
    return nlp, choose_translator(nlp, model, component)


def choose_translator(
    nlp: Language, model: str | Path, component: str | None = None
) -> "RecurrentTranslator":
    """Choose the translator of a pipeline.

    nlp (Language): The pipeline.
    model (str | Path): What it was loaded from, for the error.
    component (str | None): The translator's name, where there are several.
    RETURNS (RecurrentTranslator): The translator.
    RAISES (ValueError): If there is no translator of that name, or not one alone.
    """
    name = _choose(nlp, model, component, TRANSLATOR, "translators")
    return cast("RecurrentTranslator", nlp.get_pipe(name))


def join_ensemble(
    translator: "RecurrentTranslator", models: Iterable[str], gpu_id: int = -1
) -> None:
    """Load more pipelines, and have their translators translate together with one.

    translator (RecurrentTranslator): The one.
    models (Iterable[str]): The names of packages, or folders. Of several translators in one the
        one of the same name is taken.
    gpu_id (int): The GPU to use, -1 for the CPU.
    RAISES (ValueError): If there is no such translator, or it cannot join.
    """
    for model in models:
        nlp = _load(model, gpu_id)
        same = translator.name if translator.name in names_of(nlp, [TRANSLATOR]) else None
        other = choose_translator(nlp, model, same)
        try:
            translator.set_ensemble([*translator.ensemble, other])
        except ValueError as error:
            raise ValueError(f"{model} cannot join the ensemble: {error}") from error


def search_settings(
    translator: "RecurrentTranslator", n_best: int, beam_width: int | None
) -> dict[str, Any]:
    """Return the settings of a search that options ask for.

    translator (RecurrentTranslator): The translator.
    n_best (int): The number of translations of each text.
    beam_width (int | None): The beam width; None for the translator's own, or `n_best` if that is
        more.
    RETURNS (dict[str, Any]): What differs from the translator's own search.
    """
    settings = {}
    if n_best != getattr(translator.search, "n_best", 1):
        settings["n_best"] = n_best
    width = getattr(translator.search, "beam_width", None)
    if beam_width is not None:
        settings["beam_width"] = beam_width
    elif width is not None and width < n_best:
        settings["beam_width"] = n_best
    return settings


def load_language_model(
    model: str | Path, component: str | None = None, gpu_id: int = -1
) -> "RecurrentLanguageModel":
    """Load a language model.

    model (str | Path): The name of a package, or a folder.
    component (str | None): The language model's name, where there are several.
    gpu_id (int): The GPU to use, -1 for the CPU.
    RETURNS (RecurrentLanguageModel): The component.
    RAISES (ValueError): If there is no language model of that name, or not one alone.
    """
    nlp = _load(model, gpu_id)
    name = _choose(nlp, model, component, LANGUAGE_MODEL, "language models")
    return cast("RecurrentLanguageModel", nlp.get_pipe(name))


def store_pipeline(nlp: Language, path: Path) -> None:
    """Store a pipeline, whole or not at all.

    nlp (Language): The pipeline.
    path (Path): A new folder, or that of a pipeline, which is replaced.
    RAISES (ValueError): If there is something else at the path.
    """
    if (
        path.exists()
        and not (path / "meta.json").is_file()
        and (path.is_file() or any(path.iterdir()))
    ):
        raise ValueError(f"{path} is there already, and is no pipeline: name a new folder")
    replace_directory(path, nlp.to_disk)


def _load(model: str | Path, gpu_id: int) -> Language:
    setup_gpu(gpu_id, silent=True)
    return load_model(model)


def _choose(
    nlp: Language, model: str | Path, component: str | None, factory: str, kind: str
) -> str:
    """Return the name of the one component of a factory, or check a given name."""
    names = names_of(nlp, [factory])
    if component is None and len(names) == 1:
        return names[0]
    if component not in names:
        raise ValueError(
            f"The {kind} of {model} are: {', '.join(names) or 'none'}. Name one of them with "
            f"--component, or another pipeline"
        )
    return component
