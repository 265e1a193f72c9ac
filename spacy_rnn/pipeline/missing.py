"""Examples without gold annotation, which are passed over: how many, and why, said once."""

import logging
from collections.abc import Iterable

logger = logging.getLogger("spacy")

DROPPED_USER_DATA = (
    "spacy.Corpus.v1 drops custom attributes where it has an augmenter, gold_preproc, or a "
    "max_length that a document exceeds: wrap the augmenter in spacy-rnn.keep_user_data.v1, and "
    "leave the other two out"
)
DROPPED_CATS = (
    "spacy.Corpus.v1 drops categories where it has gold_preproc, or a max_length that a document "
    "exceeds: leave these out"
)


class MissingGold:
    """Count of examples without gold annotation, said once for training and once for scores.

    component (str): The name of the component.
    gold (str): What is missing in them.
    cause (str): A common cause, and the way out.
    """

    def __init__(self, component: str, gold: str, cause: str):
        self.component = component
        self.gold = gold
        self.cause = cause
        self._said: set[str] = set()

    def check(self, occasion: str, annotated: Iterable[bool]) -> None:
        """Say how many examples are not annotated, unless that was said before.

        occasion (str): "training" or "scores".
        annotated (Iterable[bool]): Whether each example is.
        """
        if occasion in self._said:
            return
        counted = list(annotated)
        missing = counted.count(False)
        if missing:
            self._said.add(occasion)
            effect = "learns nothing from" if occasion == "training" else "leaves out in its score"
            logger.warning(
                '"%s" %s %d of %d examples, as they have no %s. %s',
                self.component,
                effect,
                missing,
                len(counted),
                self.gold,
                self.cause,
            )

    def restart(self) -> None:
        """Say it again if it happens again, in another training."""
        self._said.clear()
