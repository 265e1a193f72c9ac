"""Scores by the names of components, and whether they count."""

import warnings

from spacy.language import Language


def warn_without_weight(nlp: Language | None, component: str, factory: str, score: str) -> None:
    """Warn where the weights of scores are those of a component of another name.

    By default they begin with the name of the factory, scores with that of the component.

    nlp (Language | None): The pipeline, where it is known.
    component (str): The name of the component.
    factory (str): That of its factory.
    score (str): Its main score, to recommend.
    """
    if nlp is None or factory in nlp.pipe_names:
        return
    weighted = [name for name, weight in nlp.config["training"]["score_weights"].items() if weight]
    own = any(name.startswith(f"{component}_") for name in weighted)
    if not own and any(name.startswith(f"{factory}_") for name in weighted):
        warnings.warn(
            f'No score of "{component}" has a weight, but those of "{factory}" have, which is not '
            f"there: to choose the best model by it, set {component}_{score} = 1.0 in "
            f"[training.score_weights]",
            stacklevel=3,
        )
