"""Poolings, against what each sequence gives by itself."""

import pytest
import torch
from nn_samples import loss_of, random_batch
from torch import nn

from spacy_rnn.nn.pooling import AttentionPooling, HierarchicalAttention, Reduction

LENGTHS = [3, 0, 1, 5, 0, 4]
SENTENCES = [2, 1, 1, 1, 3, 1, 2, 2]
COUNTS = torch.tensor([2, 0, 1, 3, 0, 2])
POOLINGS = {
    "last": lambda inputs: Reduction(inputs, ["last"]),
    "max": lambda inputs: Reduction(inputs, ["max"]),
    "mean": lambda inputs: Reduction(inputs, ["mean"]),
    "concat": lambda inputs: Reduction(inputs, ["last", "max", "mean"]),
    "attention": lambda inputs: AttentionPooling(inputs, 3),
    "heads": lambda inputs: AttentionPooling(inputs, 3, heads=2),
    "hierarchical": lambda inputs: HierarchicalAttention(inputs, 3, heads=2),
}
each_pooling = pytest.mark.parametrize("kind", POOLINGS)


def make(kind):
    return POOLINGS[kind](4).double()


def batch():
    return (*random_batch(LENGTHS, 4), torch.tensor(SENTENCES), COUNTS)


def attend(attention, words):
    """Attend to one sequence, as the paper writes it."""
    weights = attention.energy(attention.hidden(words).tanh()).softmax(dim=0)
    return (weights.T @ words).flatten(), weights.mean(dim=1)


def pool_alone(pooling, words, sentences):
    """Pool one sequence by itself."""
    if not len(words):
        return torch.zeros(pooling.width, dtype=words.dtype), torch.zeros(0, dtype=words.dtype)
    if isinstance(pooling, AttentionPooling):
        return attend(pooling, words)
    if isinstance(pooling, HierarchicalAttention):
        found = [attend(pooling.words, sentence) for sentence in words.split(sentences)]
        gru = nn.GRU(pooling.words.width, 2, bidirectional=True).double()
        for suffix, own in zip(("", "_reverse"), pooling.encoder.layers, strict=True):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(gru, f"{name}_l0{suffix}").data = getattr(own, name).data
        pooled, of_sentence = attend(
            pooling.sentences, gru(torch.stack([vector for vector, _ in found]))[0]
        )
        pairs = zip(found, of_sentence, strict=True)
        return pooled, torch.cat([weights * factor for (_, weights), factor in pairs])
    parts = {
        "last": [words[-1], words[0]],
        "max": [words.amax(dim=0)],
        "mean": [words.mean(dim=0)],
    }
    return torch.cat([part for name in pooling.parts for part in parts[name]]), None


@each_pooling
def test_each_sequence_is_pooled_as_if_alone(kind):
    pooling = make(kind)
    data, lengths, sentences, counts = batch()
    pooled, weights = pooling(data, lengths, sentences, counts)
    own_sentences = torch.tensor(SENTENCES).split(COUNTS.tolist())
    expected = [
        pool_alone(pooling, words, own.tolist())
        for words, own in zip(data.split(LENGTHS), own_sentences, strict=True)
    ]
    torch.testing.assert_close(pooled, torch.stack([vector for vector, _ in expected]))
    assert pooled.shape == (6, pooling.width)
    if weights is not None:
        torch.testing.assert_close(weights, torch.cat([each for _, each in expected]))
        sums = [own.sum() for own in weights.split(LENGTHS) if len(own)]
        torch.testing.assert_close(torch.stack(sums), torch.ones(4, dtype=torch.float64))


@each_pooling
def test_gradients(kind):
    pooling = make(kind)
    data, *sizes = batch()
    assert torch.autograd.gradcheck(
        lambda data: pooling(data, *sizes)[0], data.requires_grad_(), atol=1e-6
    )


@each_pooling
def test_no_sequences_and_no_words(kind):
    pooling = make(kind)
    for lengths in ([], [0, 0]):
        data, sizes = random_batch(lengths, 4)
        none = torch.zeros(0, dtype=torch.int64)
        pooled, _ = pooling(data, sizes, none, torch.zeros_like(sizes))
        assert pooled.shape == (len(lengths), pooling.width)
        assert not pooled.any()


@pytest.mark.parametrize("factor", [1e4, 1e-30])
def test_attention_to_extreme_words_is_finite(factor):
    pooling = AttentionPooling(4, 3)
    data, lengths = random_batch([5, 3], 4, torch.float32)
    data = (data * factor).requires_grad_()
    pooling.energy.weight.data *= 1e4
    pooled, weights = pooling(data, lengths, lengths, torch.ones_like(lengths))
    loss_of(pooled).backward()
    assert pooled.isfinite().all()
    assert data.grad.isfinite().all()
    assert weights.sum().item() == pytest.approx(2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Reduction(4, []), "parts, their number, is 0"),
        (lambda: Reduction(4, ["median"]), '"median"'),
        (lambda: AttentionPooling(4, 0), "width is 0"),
        (lambda: AttentionPooling(4, 3, heads=0), "heads is 0"),
        (lambda: HierarchicalAttention(5, 3), "width is 5"),
        (lambda: HierarchicalAttention(4, 3, dropout=1.0), "dropout is 1.0"),
    ],
)
def test_wrong_settings_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_vectors_of_sentences_have_a_dropout():
    pooling = HierarchicalAttention(4, 3, dropout=0.5).double()
    inputs = batch()
    assert not torch.equal(pooling(*inputs)[0], pooling(*inputs)[0])
    pooling.eval()
    assert torch.equal(pooling(*inputs)[0], pooling(*inputs)[0])
