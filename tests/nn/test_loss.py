"""The loss over a vocabulary, against torch's own."""

import pytest
import torch
from torch.nn import functional

from spacy_rnn.nn import loss as vocabulary
from spacy_rnn.nn.loss import cross_entropy

WORDS, WIDTH, ENTRIES = 7, 3, 5


@pytest.fixture(params=[1, 2, 3, 100], ids=lambda rows: f"blocks of {rows}")
def block(request, monkeypatch):
    """Hold so many rows of logits at once."""
    monkeypatch.setattr(vocabulary, "MAX_LOGITS", request.param * ENTRIES)


def sample(dtype=torch.float64, words=WORDS):
    shapes = [(words, WIDTH), (ENTRIES, WIDTH), (ENTRIES,)]
    leaves = [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]
    return leaves, torch.randint(ENTRIES, (words,))


@pytest.mark.parametrize(("words", "blocks"), [(0, []), (9, [9]), (10, [10]), (21, [7, 7, 7])])
def test_blocks_are_about_equal(words, blocks, monkeypatch):
    """For each number of rows memory is kept where kernels are compiled."""
    monkeypatch.setattr(vocabulary, "MAX_LOGITS", 10 * ENTRIES)
    rows = []
    monkeypatch.setattr(vocabulary, "pad_rows", lambda block: rows.append(len(block)) or block)
    leaves, targets = sample(words=words)
    cross_entropy(*leaves, targets)
    assert [count for count in rows if count] == blocks


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_loss_and_gradients_are_torchs_own(smoothing):
    leaves, targets = sample()
    loss, surprisal = cross_entropy(*leaves, targets, smoothing)
    logits = functional.linear(*leaves)
    expected = functional.cross_entropy(
        logits, targets, label_smoothing=smoothing, reduction="sum"
    )
    torch.testing.assert_close(loss, expected)
    plain = functional.cross_entropy(logits, targets, reduction="none")
    torch.testing.assert_close(surprisal, plain.detach())
    assert not surprisal.requires_grad
    gradients = torch.autograd.grad(0.5 * loss, leaves)
    torch.testing.assert_close(gradients, torch.autograd.grad(0.5 * expected, leaves))


@pytest.mark.usefixtures("block")
def test_what_has_no_chance_costs_as_much_as_it_should():
    """Where the probability itself is too small for a number."""
    bias = torch.tensor([0.0, 1000.0, 0.0])
    targets = torch.tensor([0, 1])
    _, surprisal = cross_entropy(torch.zeros(2, WIDTH), torch.zeros(3, WIDTH), bias, targets)
    expected = functional.cross_entropy(bias.expand(2, -1), targets, reduction="none")
    torch.testing.assert_close(surprisal, expected)


@pytest.mark.usefixtures("block")
def test_gradients_equal_finite_differences():
    leaves, targets = sample()
    assert torch.autograd.gradcheck(
        lambda *leaves: cross_entropy(*leaves, targets, 0.1)[0], leaves
    )


def sample_two_passes(words=WORDS):
    (hidden, *leaves), targets = sample(words=words)
    second = torch.randn_like(hidden)
    return [torch.cat([hidden.detach(), second]).requires_grad_(), *leaves], targets


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(("smoothing", "r_drop"), [(0.0, 5.0), (0.1, 1.0)])
def test_r_drop_is_the_formula_of_the_paper(smoothing, r_drop):
    """Half of its equation 4, which sums up both passes; surprisals are their mean."""
    leaves, targets = sample_two_passes()
    loss, surprisal = cross_entropy(*leaves, targets, smoothing, r_drop)
    first, second = functional.linear(*leaves).log_softmax(1).chunk(2)
    likelihoods = [
        functional.cross_entropy(each, targets, label_smoothing=smoothing, reduction="sum")
        for each in (first, second)
    ]
    there, back = (
        functional.kl_div(other, one, reduction="sum", log_target=True)
        for one, other in ((first, second), (second, first))
    )
    expected = (sum(likelihoods) + r_drop * (there + back) / 2) / 2
    torch.testing.assert_close(loss, expected)
    rows = torch.arange(WORDS)
    torch.testing.assert_close(surprisal, -(first + second)[rows, targets].detach() / 2)
    gradients = torch.autograd.grad(0.5 * loss, leaves)
    torch.testing.assert_close(gradients, torch.autograd.grad(0.5 * expected, leaves))


def test_two_equal_passes_are_one():
    leaves, targets = sample()
    hidden, *others = leaves
    expected = cross_entropy(*leaves, targets, 0.1)
    results = cross_entropy(torch.cat([hidden, hidden]), *others, targets, 0.1, r_drop=3.0)
    torch.testing.assert_close(results, expected)


@pytest.mark.usefixtures("block")
def test_gradients_of_r_drop_equal_finite_differences():
    leaves, targets = sample_two_passes()
    assert torch.autograd.gradcheck(
        lambda *leaves: cross_entropy(*leaves, targets, 0.1, 2.0)[0], leaves
    )


def test_without_gradients_the_loss_is_the_same():
    leaves, targets = sample()
    expected = cross_entropy(*leaves, targets, 0.1)
    with torch.inference_mode():
        results = cross_entropy(*leaves, targets, 0.1)
    torch.testing.assert_close(results, tuple(each.detach() for each in expected))


@pytest.mark.parametrize("r_drop", [0.0, 1.0])
def test_no_words_have_no_loss(r_drop):
    leaves, targets = sample(words=0)
    loss, surprisal = cross_entropy(*leaves, targets, r_drop=r_drop)
    loss.backward()
    assert (loss.item(), len(surprisal)) == (0.0, 0)
    assert all(not leaf.grad.any() for leaf in leaves)


@pytest.mark.parametrize("r_drop", [0.0, 1.0])
def test_memory_is_bounded(r_drop):
    """A block of logits and not all of them: a tenth of the plain loss."""
    leaves = [torch.randn(4096, 8), torch.randn(4096, 8), torch.zeros(4096)]
    targets = torch.zeros(2048 if r_drop else 4096, dtype=torch.int64)
    leaves = [leaf.requires_grad_() for leaf in leaves]
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        vocabulary.cross_entropy(*leaves, targets, r_drop=r_drop)
    largest = max(event.cpu_memory_usage for event in profile.function_events)
    assert largest <= 4 * vocabulary.MAX_LOGITS + 4 * 4096 * 8
