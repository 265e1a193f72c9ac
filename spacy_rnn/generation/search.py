"""Searches as settings: greedy search, beam search and sampling.

Each is a function of a network's step function, built by its settings. In a config they are
`spacy-rnn.greedy_search.v1`, `spacy-rnn.beam_search.v1` and `spacy-rnn.sampling_search.v1`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from ..checks import check_count
from .scoring import Ranking
from .settings import ConstraintSettings, Detail

if TYPE_CHECKING:
    from torch import Tensor

    from .constraints import DecodingConstraints
    from .lexical import LexicalConstraints
    from .state import Hypothesis, SearchState, Step

SearchT = TypeVar("SearchT", bound="Search")


@dataclass(frozen=True, kw_only=True)
class Search(ConstraintSettings, ABC):
    """The base of all searches, with the settings of `ConstraintSettings` and one more.

    n_best (int): Hypotheses to return for each source.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    n_best: int = 1

    def change(self: SearchT, **settings: Any) -> SearchT:
        """Return the same search with other settings.

        settings (Any): The settings to change, by name.
        RETURNS (SearchT): The other search.
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
        start: int,
        end: int,
        banned_pieces: Sequence[int] = (),
        prefixes: "Tensor | None" = None,
        detail: Detail = Detail.ALIGNMENTS,
        lexical: "Sequence[LexicalConstraints]" = (),
    ) -> "list[list[Hypothesis]]":
        """Search for the output sequences of a batch.

        step (Step): The network's step function.
        state (SearchState): Its initial state, with one hypothesis for each source.
        lengths (Tensor): The positions of each source, `(batch,)`.
        start (int): The start symbol, the input of the first step.
        end (int): The end symbol.
        banned_pieces (Sequence[int]): Pieces that must not be generated.
        prefixes (Tensor | None): Pieces that each sequence has to begin with, `(batch, longest)`,
            padded with -1.
        detail (Detail): How much of each hypothesis is asked for.
        lexical (Sequence[LexicalConstraints]): The lexical constraints of each source. A caller
            that has none leaves the argument out.
        RETURNS (list[list[Hypothesis]]): The hypotheses of each source, the best first. There may
            be more than `n_best`: some of them may read the same.
        """

    def _constraints(
        self, start: int, end: int, banned_pieces: Sequence[int]
    ) -> "DecodingConstraints":
        from .constraints import DecodingConstraints

        shared = {field.name: getattr(self, field.name) for field in fields(ConstraintSettings)}
        return DecodingConstraints(start, end, banned_pieces, **shared)


@dataclass(frozen=True, kw_only=True)
class BeamSearch(Search):
    """Beam search, with the settings of `Search`, an `n_best` of at most `beam_width`, and more.

    beam_width (int): The number of hypotheses that are extended at each step. 1 is greedy search.
    length_penalty (str): The divisor of the log-probability for ranking: "none"; "average", the
        length to the power of `alpha`; or "wu" (Wu et al. 2016, equation 14).
    alpha (float): The exponent of the length penalty.
    coverage_penalty (float): The weight of the coverage penalty, beta in the same equation; 0 for
        none.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    beam_width: int = 5
    length_penalty: str = "average"
    alpha: float = 1.0
    coverage_penalty: float = 0.0

    def __post_init__(self) -> None:
        check_count("beam_width", self.beam_width, 1)
        check_count("n_best", self.n_best, 1)
        if self.n_best > self.beam_width:
            raise ValueError(
                f"n_best is {self.n_best}, but has to be at least 1 and at most beam_width, "
                f"which is {self.beam_width}: a beam finds no more than it is wide"
            )
        self._ranking()
        super().__post_init__()

    def _ranking(self) -> Ranking:
        return Ranking(self.length_penalty, self.alpha, self.coverage_penalty)

    def __call__(
        self,
        step: "Step",
        state: "SearchState",
        lengths: "Tensor",
        *,
        start: int,
        end: int,
        banned_pieces: Sequence[int] = (),
        prefixes: "Tensor | None" = None,
        detail: Detail = Detail.ALIGNMENTS,
        lexical: "Sequence[LexicalConstraints]" = (),
    ) -> "list[list[Hypothesis]]":
        from .beam import beam_search
        from .greedy import greedy_search

        constraints = self._constraints(start, end, banned_pieces)
        ranking = self._ranking()
        if self.beam_width == 1 and not self.coverage_penalty and not lexical:
            greedy = greedy_search(step, state, lengths, constraints, prefixes, detail)
            return [[ranking.rescore(hypothesis) for hypothesis in ranked] for ranked in greedy]
        # Of several hypotheses some may be segmented differently but read the same.
        n_best = 1 if self.n_best == 1 else self.beam_width
        return beam_search(
            step,
            state,
            lengths,
            constraints,
            ranking,
            self.beam_width,
            prefixes,
            n_best,
            detail,
            lexical,
        )


@dataclass(frozen=True, kw_only=True)
class GreedySearch(BeamSearch):
    """Greedy search: the most probable piece at each step.

    It is a beam search with a beam of width 1 and without a length penalty, unless its settings
    say otherwise.
    """

    beam_width: int = 1
    length_penalty: str = "none"


@dataclass(frozen=True, kw_only=True)
class SamplingSearch(Search):
    """Sampling, with the settings of `Search`, `n_best` as the samples for each source, and more.

    temperature (float): The divisor of the log-probabilities: below 1 it makes the distribution
        sharper; 0 takes the most probable piece.
    top_k (int): Sample from the k most probable pieces; 0 for all.
    top_p (float): Sample from the nucleus: the smallest set of the most probable pieces whose
        probabilities sum to at least p (Holtzman et al. 2020).
    seed (int | None): The seed of the draws. None draws anew at each call.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        from .sampling import check_sampling

        check_sampling(self.n_best, self.temperature, self.top_k, self.top_p)
        super().__post_init__()

    def __call__(
        self,
        step: "Step",
        state: "SearchState",
        lengths: "Tensor",
        *,
        start: int,
        end: int,
        banned_pieces: Sequence[int] = (),
        prefixes: "Tensor | None" = None,
        detail: Detail = Detail.ALIGNMENTS,
        lexical: "Sequence[LexicalConstraints]" = (),
    ) -> "list[list[Hypothesis]]":
        from .sampling import sample

        if lexical:
            raise ValueError(
                "Sampling cannot write terms as they are asked for: translate these documents "
                "with a beam search, or set no terms"
            )
        return sample(
            step,
            state,
            lengths,
            self._constraints(start, end, banned_pieces),
            samples=self.n_best,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            seed=self.seed,
            prefixes=prefixes,
            detail=detail,
        )
