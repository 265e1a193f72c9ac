"""Searches as settings: how a trained network writes."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ..checks import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from .state import Hypothesis, SearchState, Step


@dataclass(frozen=True)
class Search(ABC):
    """What all searches share: how many sequences to find, and what may be written. See the
    functions below for what the settings mean."""

    n_best: int = 1
    min_length: int = 1
    max_ratio: float = 2.0
    max_extra: int = 10
    no_repeat_ngram_size: int = 0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        self._check_n_best()
        self._constraints_of(())

    @abstractmethod
    def _check_n_best(self) -> None: ...

    def change(self, **settings: Any) -> "Search":
        """Give the same search with other settings.

        settings (Any): Those to change, by name.
        RETURNS (Search): The other search.
        RAISES (ValueError): If there is no such setting, or it is out of its bounds.
        """
        known = [field.name for field in fields(self)]
        for name in settings:
            if name not in known:
                raise ValueError(f'A search has no setting "{name}", but has {", ".join(known)}')
        return replace(self, **settings)

    @abstractmethod
    def __call__(
        self,
        step: "Step",
        state: "SearchState",
        lengths: "Tensor",
        *,
        banned_pieces: tuple[int, ...] = (),
        prefixes: "Tensor | None" = None,
    ) -> "list[list[Hypothesis]]":
        """Search.

        step (Step): The network.
        state (SearchState): Where it stands, with one hypothesis for each sentence.
        lengths (Tensor): Places of each source, `(batch,)`.
        banned_pieces (tuple[int, ...]): Pieces that are not to be written.
        prefixes (Tensor | None): Pieces to begin with, `(batch, any)`; -1 where it is free.
        RETURNS (list[list[Hypothesis]]): Hypotheses for each sentence, the best first: as
            many as the beam is wide, or fewer.
        """

    def _constraints_of(self, banned_pieces: tuple[int, ...]) -> Any:
        from ..text.subwords import END, START, UNKNOWN
        from .constraints import DecodingConstraints

        return DecodingConstraints(
            START,
            END,
            min_length=self.min_length,
            max_ratio=self.max_ratio,
            max_extra=self.max_extra,
            banned_pieces=(UNKNOWN, *banned_pieces),
            no_repeat_ngram_size=self.no_repeat_ngram_size,
            repetition_penalty=self.repetition_penalty,
        )


@dataclass(frozen=True)
class BeamSearch(Search):
    """Beam search and its settings; greedy search where the beam is 1 wide."""

    beam_width: int = 5
    length_penalty: str = "average"
    alpha: float = 1.0
    coverage_penalty: float = 0.0

    def _ranking(self) -> Any:
        from .scoring import Ranking

        return Ranking(self.length_penalty, self.alpha, self.coverage_penalty)

    def _check_n_best(self) -> None:
        check_count("beam_width", self.beam_width, 1)
        check_count("n_best", self.n_best, 1)
        self._ranking()
        if not 1 <= self.n_best <= self.beam_width:
            raise ValueError(
                f"n_best is {self.n_best}, but has to be at least 1 and at most beam_width, "
                f"which is {self.beam_width}: a beam finds no more than it is wide"
            )

    def __call__(
        self,
        step: "Step",
        state: "SearchState",
        lengths: "Tensor",
        *,
        banned_pieces: tuple[int, ...] = (),
        prefixes: "Tensor | None" = None,
    ) -> "list[list[Hypothesis]]":
        from .beam import beam_search
        from .greedy import greedy_search

        constraints = self._constraints_of(banned_pieces)
        ranking = self._ranking()
        if self.beam_width == 1 and not self.coverage_penalty:
            return [
                [
                    replace(each, score=ranking.score(each.score, len(each.pieces) + 1, []))
                    for each in found
                ]
                for found in greedy_search(step, state, lengths, constraints, prefixes)
            ]
        # Of several, some may be cut differently but read the same.
        n_best = 1 if self.n_best == 1 else self.beam_width
        return beam_search(
            step, state, lengths, constraints, ranking, self.beam_width, prefixes, n_best
        )


@dataclass(frozen=True)
class SamplingSearch(Search):
    """Sampling and its settings."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int | None = None

    def _check_n_best(self) -> None:
        from .sampling import check_sampling

        check_sampling(self.n_best, self.temperature, self.top_k, self.top_p)

    def __call__(
        self,
        step: "Step",
        state: "SearchState",
        lengths: "Tensor",
        *,
        banned_pieces: tuple[int, ...] = (),
        prefixes: "Tensor | None" = None,
    ) -> "list[list[Hypothesis]]":
        from .sampling import sample

        return sample(
            step,
            state,
            lengths,
            self._constraints_of(banned_pieces),
            samples=self.n_best,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            seed=self.seed,
            prefixes=prefixes,
        )


def build_greedy_search_v1(
    min_length: int = 1,
    max_ratio: float = 2.0,
    max_extra: int = 10,
    no_repeat_ngram_size: int = 0,
    repetition_penalty: float = 1.0,
) -> Callable:
    """Describe greedy search: the most probable next piece each time.

    min_length (int): The fewest pieces; 0 allows an empty translation.
    max_ratio (float): The most pieces, for each place of the source.
    max_extra (int): So many more pieces.
    no_repeat_ngram_size (int): Length of the n-grams of pieces that may not occur twice; 0 for
        none.
    repetition_penalty (float): What the log-probability of pieces that occurred already is
        multiplied by; 1 for nothing.
    RETURNS (Callable): The search.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    return BeamSearch(
        beam_width=1,
        length_penalty="none",
        min_length=min_length,
        max_ratio=max_ratio,
        max_extra=max_extra,
        no_repeat_ngram_size=no_repeat_ngram_size,
        repetition_penalty=repetition_penalty,
    )


def build_beam_search_v1(
    beam_width: int = 5,
    n_best: int = 1,
    length_penalty: str = "average",
    alpha: float = 1.0,
    coverage_penalty: float = 0.0,
    min_length: int = 1,
    max_ratio: float = 2.0,
    max_extra: int = 10,
    no_repeat_ngram_size: int = 0,
    repetition_penalty: float = 1.0,
) -> Callable:
    """Describe beam search: the best few sequences so far, side by side.

    beam_width (int): How many. 1 is greedy search.
    n_best (int): How many translations to keep of each sentence, at most `beam_width`.
    length_penalty (str): What the log-probability is divided by for ranking: "none";
        "average", the length to the power of alpha; or "wu" (Wu et al. 2016).
    alpha (float): The exponent of the length penalty.
    coverage_penalty (float): The weight of what attention left out (Wu et al. 2016); 0 for
        none.
    min_length (int): The fewest pieces; 0 allows an empty translation.
    max_ratio (float): The most pieces, for each place of the source.
    max_extra (int): So many more pieces.
    no_repeat_ngram_size (int): Length of the n-grams of pieces that may not occur twice; 0 for
        none.
    repetition_penalty (float): What the log-probability of pieces that occurred already is
        multiplied by; 1 for nothing.
    RETURNS (Callable): The search.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    return BeamSearch(
        beam_width=beam_width,
        n_best=n_best,
        length_penalty=length_penalty,
        alpha=alpha,
        coverage_penalty=coverage_penalty,
        min_length=min_length,
        max_ratio=max_ratio,
        max_extra=max_extra,
        no_repeat_ngram_size=no_repeat_ngram_size,
        repetition_penalty=repetition_penalty,
    )


def build_sampling_search_v1(
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    n_best: int = 1,
    seed: int | None = None,
    min_length: int = 1,
    max_ratio: float = 2.0,
    max_extra: int = 10,
    no_repeat_ngram_size: int = 0,
    repetition_penalty: float = 1.0,
) -> Callable:
    """Describe sampling: each next piece drawn from what is probable.

    temperature (float): What log-probabilities are divided by: below 1 what is probable becomes
        more so; at 0 the most probable piece is taken.
    top_k (int): Draw from so many of the most probable pieces; 0 for all.
    top_p (float): Draw from the fewest most probable pieces that have this probability together.
    n_best (int): How many to draw for each sentence.
    seed (int | None): What the draws follow from. Null for others at each call.
    min_length (int): The fewest pieces; 0 allows an empty translation.
    max_ratio (float): The most pieces, for each place of the source.
    max_extra (int): So many more pieces.
    no_repeat_ngram_size (int): Length of the n-grams of pieces that may not occur twice; 0 for
        none.
    repetition_penalty (float): What the log-probability of pieces that occurred already is
        multiplied by; 1 for nothing.
    RETURNS (Callable): The search.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    return SamplingSearch(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        n_best=n_best,
        seed=seed,
        min_length=min_length,
        max_ratio=max_ratio,
        max_extra=max_extra,
        no_repeat_ngram_size=no_repeat_ngram_size,
        repetition_penalty=repetition_penalty,
    )
