"""Searches against `generate` of Hugging Face transformers, on a network that is a table."""

import logging

import pytest
import torch

from spacy_rnn.generation.beam import beam_search
from spacy_rnn.generation.constraints import DecodingConstraints
from spacy_rnn.generation.greedy import greedy_search
from spacy_rnn.generation.scoring import Ranking
from spacy_rnn.generation.state import SearchState

transformers = pytest.importorskip("transformers")
logging.getLogger("transformers").setLevel(logging.ERROR)

PIECES, START, END = 9, 0, 1
MOST = 12
SEEDS = range(8)


def make_table(seed):
    """Score each next piece after each pair of pieces, the end often enough."""
    table = 2 * torch.randn(PIECES, PIECES, PIECES, generator=torch.Generator().manual_seed(seed))
    table[:, :, START] = -1e9
    table[:, :, END] += 2
    table[START, START, END] = table[START, :, END] = -1e9  # No empty sequence.
    return table


class Config(transformers.PretrainedConfig):
    model_type = "table"

    def __init__(self, **settings):
        super().__init__(
            vocab_size=PIECES, bos_token_id=START, eos_token_id=END, pad_token_id=END, **settings
        )
        self.num_hidden_layers = 1


class TableModel(transformers.PreTrainedModel, transformers.GenerationMixin):
    config_class = Config

    def __init__(self, table):
        super().__init__(Config())
        self.table = torch.nn.Parameter(table, requires_grad=False)

    def prepare_inputs_for_generation(self, input_ids, **kwargs):
        return {"input_ids": input_ids}

    def forward(self, input_ids, attention_mask=None, **kwargs):
        before = torch.nn.functional.pad(input_ids, (1, 0), value=START)[:, :-1]
        return transformers.modeling_outputs.CausalLMOutput(logits=self.table[before, input_ids])


def generate(table, **settings):
    """Write a sequence, with its score."""
    found = TableModel(table).generate(
        torch.full((1, 1), START),
        attention_mask=torch.ones(1, 1, dtype=torch.int64),
        max_new_tokens=MOST,
        use_cache=False,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        **settings,
    )
    pieces = found.sequences[0, 1:].tolist()
    assert END in pieces, "the table has to let it end"
    score = float(found.sequences_scores[0]) if settings.get("num_beams", 1) > 1 else None
    return pieces[: pieces.index(END)], score


def run(search, table, *settings, **constraints):
    """Write a sequence with one of ours, over a step that reads the table."""

    def step(pieces, state):
        (before,) = state.hypotheses
        scores = table[before[:, :, 0], pieces]
        state = SearchState((), (pieces[:, :, None],))
        return scores, scores.new_ones(*pieces.shape, 1), state

    state = SearchState((), (torch.full((1, 1, 1), START),))
    bounds = DecodingConstraints(START, END, max_ratio=0.0, max_extra=MOST - 1, **constraints)
    (found,) = search(step, state, torch.ones(1, dtype=torch.int64), bounds, *settings)
    return found[0].pieces, found[0].score


@pytest.mark.parametrize("no_repeat_ngram_size", [0, 1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_greedy_search_writes_what_generate_writes(seed, no_repeat_ngram_size):
    table = make_table(seed)
    expected, _ = generate(table, no_repeat_ngram_size=no_repeat_ngram_size)
    assert run(greedy_search, table, no_repeat_ngram_size=no_repeat_ngram_size)[0] == expected


@pytest.mark.parametrize("no_repeat_ngram_size", [0, 2])
@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("beam_width", [2, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_beam_search_writes_what_generate_writes(seed, beam_width, alpha, no_repeat_ngram_size):
    table = make_table(seed)
    expected, score = generate(
        table,
        num_beams=beam_width,
        length_penalty=alpha,
        no_repeat_ngram_size=no_repeat_ngram_size,
        early_stopping=False,
    )
    ranking = Ranking("average", alpha)
    found = run(beam_search, table, ranking, beam_width, no_repeat_ngram_size=no_repeat_ngram_size)
    assert found[0] == expected
    assert found[1] == pytest.approx(score, abs=1e-4)
