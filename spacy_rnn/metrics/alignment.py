"""The error rate of alignments."""

from collections.abc import Collection, Set
from dataclasses import dataclass

Link = tuple[int, int]
"""A token of the translation, and one of the source."""


@dataclass
class AlignmentScore:
    """Counts links, and compares them with known ones (Och and Ney 2003).

    Known links are sure or only possible, where one may argue: articles that one of the languages
    lacks, words of a phrase that is translated as a whole. A link is wrong if it is not even
    possible, and a link is missing if it is sure.

    links (int): The links that were found.
    sure (int): The known links that are sure.
    found_sure (int): The links that were found and are sure.
    found_possible (int): The links that were found and are possible or sure.
    """

    links: int = 0
    sure: int = 0
    found_sure: int = 0
    found_possible: int = 0

    def add(
        self, links: Collection[Link], sure: Set[Link], possible: Set[Link] = frozenset()
    ) -> None:
        """Count the links of a sentence.

        links (Collection[Link]): Those that were found.
        sure (Set[Link]): Those that are sure.
        possible (Set[Link]): Those that are possible. The sure ones are so anyway.
        """
        found = {*links}
        self.links += len(found)
        self.sure += len(sure)
        self.found_sure += len(found & sure)
        self.found_possible += len(found & (sure | possible))

    @property
    def precision(self) -> float:
        """float: The share of possible links among those that were found; 0 if none was."""
        return self.found_possible / max(self.links, 1)

    @property
    def recall(self) -> float:
        """float: The share of sure links that were found; 0 if none is sure."""
        return self.found_sure / max(self.sure, 1)

    @property
    def error_rate(self) -> float:
        """float: AER = 1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|); 0 if there are no links at all."""
        total = self.links + self.sure
        return 1 - (self.found_sure + self.found_possible) / total if total else 0.0
