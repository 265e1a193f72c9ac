"""Attention, against torch's own and against the formulas."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from spacy_rnn.nn.seq2seq.attention import (
    AdditiveAttention,
    CoverageAttention,
    DotAttention,
    GeneralAttention,
    ScaledDotAttention,
)

KINDS = {
    "additive": partial(AdditiveAttention, width=5),
    "coverage": partial(CoverageAttention, width=5),
    "dot": DotAttention,
    "general": GeneralAttention,
    "scaled": partial(ScaledDotAttention, width=5),
}
LENGTHS = [4, 1, 0, 3]
each_kind = pytest.mark.parametrize("kind", KINDS)


def make(kind, queries=6, memory=6):
    attention = KINDS[kind](queries, memory).double()
    for parameter in attention.parameters():
        nn.init.normal_(parameter)
    return attention


def sample(queries=6, memory=6):
    mask = torch.arange(4) < torch.tensor(LENGTHS)[:, None]
    data = torch.randn(len(LENGTHS), 4, memory, dtype=torch.float64)
    return torch.randn(len(LENGTHS), 3, queries, dtype=torch.float64), data, mask


def attend(attention, queries, memory, mask):
    """Attend step by step, as all kinds can."""
    keys, attention_state = attention.project(memory), attention.initial_state(mask)
    if not attention_state:
        return attention(queries, keys, memory, mask)
    steps = []
    for query in queries.split(1, dim=1):
        seen, weights = attention(query, keys, memory, mask, attention_state)
        attention_state = attention.update_state(weights, attention_state)
        steps.append((seen, weights))
    return tuple(torch.cat(each, 1) for each in zip(*steps, strict=True))


@each_kind
def test_weights_sum_to_one_and_are_zero_at_padding(kind):
    queries, memory, mask = sample()
    seen, weights = attend(make(kind), queries, memory, mask)
    assert (weights.masked_select(~mask[:, None].expand_as(weights)) == 0).all()
    expected = torch.tensor(LENGTHS).clamp(max=1).double()[:, None].expand(-1, 3)
    torch.testing.assert_close(weights.sum(2), expected)
    assert not seen[2].any()
    assert seen[[0, 1, 3]].isfinite().all()


def test_blocks_of_queries_change_nothing(monkeypatch):
    attention = make("additive")
    batch = sample()
    expected = attend(attention, *batch)
    monkeypatch.setattr("spacy_rnn.nn.seq2seq.attention.MAX_HIDDEN", 1)
    with torch.no_grad():
        torch.testing.assert_close(attend(attention, *batch), expected)


@each_kind
def test_padding_and_neighbours_change_nothing(kind):
    attention = make(kind)
    queries, memory, mask = sample()
    together, weights = attend(attention, queries, memory, mask)
    memory[~mask] = 1e6
    changed, _ = attend(attention, queries, memory, mask)
    torch.testing.assert_close(changed, together)
    for row, length in enumerate(LENGTHS):
        own = slice(row, row + 1)
        alone, own_weights = attend(
            attention, queries[own], memory[own, :length], mask[own, :length]
        )
        torch.testing.assert_close(alone, together[own])
        torch.testing.assert_close(own_weights, weights[own, :, :length])


def test_dot_is_torchs_own_without_its_scale():
    queries, memory, mask = sample()
    seen, _ = attend(make("dot"), queries, memory, mask)
    expected = functional.scaled_dot_product_attention(
        queries, memory, memory, mask[:, None].expand(-1, 3, -1), scale=1.0
    )
    torch.testing.assert_close(seen[[0, 1, 3]], expected[[0, 1, 3]])


def test_scaled_dot_is_one_head_of_torchs_own():
    attention = ScaledDotAttention(6, 6, 6).double()
    theirs = nn.MultiheadAttention(6, 1, bias=False, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(
            torch.cat([attention.query.weight, attention.key.weight, torch.eye(6)])
        )
        theirs.out_proj.weight.copy_(torch.eye(6))
    queries, memory, mask = sample()
    seen, weights = attend(attention, queries, memory, mask)
    expected, expected_weights = theirs(queries, memory, memory, key_padding_mask=~mask)
    torch.testing.assert_close(seen[[0, 1, 3]], expected[[0, 1, 3]])
    torch.testing.assert_close(weights[[0, 1, 3]], expected_weights[[0, 1, 3]])


def test_additive_and_general_are_their_formulas():
    queries, memory, _ = sample(queries=5, memory=6)
    additive, general = make("additive", 5, 6), make("general", 5, 6)
    additive_scores = additive.score(queries, additive.project(memory), ())
    general_scores = general.score(queries, general.project(memory), ())
    for sentence, step, position in ((0, 0, 0), (1, 2, 3), (3, 1, 2)):
        query, value = queries[sentence, step], memory[sentence, position]
        hidden = additive.query.weight @ query + additive.key.weight @ value + additive.key.bias
        expected = additive.energy.weight[0] @ hidden.tanh()
        torch.testing.assert_close(additive_scores[sentence, step, position], expected)
        expected = query @ general.key.weight @ value
        torch.testing.assert_close(general_scores[sentence, step, position], expected)


def test_coverage_is_its_formula():
    """Coverage is the sum of all weights before, position by position."""
    attention = make("coverage", 5, 6)
    queries, memory, mask = sample(5, 6)
    _, weights = attend(attention, queries, memory, mask)
    for sentence, length in enumerate(LENGTHS):
        coverage = torch.zeros(length, dtype=torch.float64)
        for step, query in enumerate(queries[sentence]):
            hidden = attention.key(memory[sentence, :length]) + attention.query.weight @ query
            hidden = hidden + coverage[:, None] * attention.coverage
            expected = (hidden.tanh() @ attention.energy.weight[0]).softmax(0)
            torch.testing.assert_close(weights[sentence, step, :length], expected)
            coverage = coverage + expected


@each_kind
def test_gradients_equal_finite_differences(kind):
    attention = make(kind)
    queries, memory, mask = sample()
    leaves = [queries.requires_grad_(), memory.requires_grad_(), *attention.parameters()]

    def run(queries, memory, *_):
        return attend(attention, queries, memory, mask)

    assert torch.autograd.gradcheck(run, leaves)


def test_dot_attention_needs_equal_widths():
    with pytest.raises(ValueError, match="they are 4 and 6 wide"):
        DotAttention(4, 6)
