"""The language model's network."""

from dataclasses import fields

import pytest
import torch
from torch.nn import functional

from spacy_rnn.generation.beam import beam_search
from spacy_rnn.generation.constraints import DecodingConstraints
from spacy_rnn.generation.scoring import Ranking
from spacy_rnn.nn.lm.model import LanguageModel
from spacy_rnn.nn.lm.stepper import LanguageModelStepper
from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.nn.rnn.settings import RecurrentSettings

PIECES = 12
LENGTHS = [5, 0, 3, 1]
KINDS = {
    "tied": {"embed_width": 6, "width": 6},
    "narrowed": {"embed_width": 4, "width": 6, "cell": "gru"},
    "untied": {"embed_width": 4, "width": 6, "depth": 2, "tied_softmax": False},
    "adaptive": {"embed_width": 4, "width": 16, "tied_softmax": False, "cutoffs": [4, 8]},
    "learned": {"embed_width": 6, "width": 6, "initial_state": "learned"},
    **{cell: {"embed_width": 6, "width": 6, "depth": 2, "cell": cell} for cell in CELLS},
}


def nest(settings):
    """Nest those settings that are the recurrent network's."""
    names = {field.name for field in fields(RecurrentSettings)} & set(settings)
    network = RecurrentSettings(bidirectional=False, **{n: settings[n] for n in names})
    return {"network": network, **{n: settings[n] for n in settings if n not in names}}


def make_model(kind="tied", pieces=PIECES, **settings):
    model = LanguageModel(pieces, **nest({**KINDS[kind], **settings})).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return model.eval()


def make_batch(lengths=LENGTHS):
    lengths = torch.tensor(lengths)
    pieces = torch.randint(PIECES, (int(lengths.sum()),))
    return pieces, torch.randint(PIECES, pieces.shape), lengths


def fresh(batch, value=True):
    return torch.full((batch,), value)


def run(model, pieces, targets, lengths, state=None):
    start = model.network.start(len(lengths)) if state is None else state
    return model(pieces, targets, lengths, start, fresh(len(lengths), state is None))


@pytest.mark.parametrize("kind", KINDS)
def test_surprisals_are_those_of_the_distribution(kind):
    model, (pieces, targets, lengths) = make_model(kind), make_batch()
    loss, surprisals, _ = run(model, pieces, targets, lengths)
    hidden, _ = model.read(pieces, lengths, model.network.start(4), fresh(4))
    log_probs = model.log_probs(hidden)
    torch.testing.assert_close(
        log_probs.exp().sum(1), torch.ones(len(pieces)), check_dtype=False, atol=1e-6, rtol=0
    )
    expected = -log_probs.gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(surprisals, expected, check_dtype=False, atol=1e-5, rtol=0)
    torch.testing.assert_close(loss, expected.sum(), check_dtype=False, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_parts_are_foreseen_as_the_whole(kind, cut):
    model, (pieces, targets, lengths) = make_model(kind), make_batch()
    _, whole, final = run(model, pieces, targets, lengths)
    firsts = lengths.clamp(max=cut)
    inside = torch.cat([torch.arange(n) < f for n, f in zip(lengths, firsts, strict=True)])
    _, first, state = run(model, pieces[inside], targets[inside], firsts)
    rest = run(model, pieces[~inside], targets[~inside], lengths - firsts, state)
    both = torch.empty_like(whole)
    both[inside], both[~inside] = first, rest[1]
    torch.testing.assert_close(both, whole)
    for part, expected in zip(rest[2], final, strict=True):
        torch.testing.assert_close(part, expected)


def test_the_gradient_ends_where_a_part_begins():
    model, (pieces, targets, _) = make_model("tied"), make_batch([6])
    lengths = torch.tensor([3])
    _, _, state = run(model, pieces[:3], targets[:3], lengths)
    run(model, pieces[3:], targets[3:], lengths, state)[0].backward()
    found = {name: each.grad for name, each in model.named_parameters()}
    # By hand: the same network over the same embeddings, from a state that is cut off.
    model.zero_grad()
    embedded = model.embedding(pieces)
    _, middle = model.network(embedded[:3], lengths)
    hidden, _ = model.network(embedded[3:], lengths, tuple(part.detach() for part in middle))
    scores = functional.linear(hidden, model.embedding.weight, model.output_bias)
    functional.cross_entropy(scores, targets[3:], reduction="sum").backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, check_dtype=False)


def test_some_stretches_begin_anew():
    model, (pieces, targets, lengths) = make_model("learned"), make_batch([3, 3])
    state = tuple(torch.randn(1, 2, 6, dtype=torch.float64) for _ in range(2))
    _, mixed, _ = model(pieces, targets, lengths, state, torch.tensor([True, False]))
    _, anew, _ = run(model, pieces, targets, lengths)
    _, on, _ = run(model, pieces, targets, lengths, state)
    torch.testing.assert_close(mixed, torch.cat([anew[:3], on[3:]]))


def test_penalties():
    settings = {"activation_reg": 0.7, "temporal_activation_reg": 0.3}
    model, (pieces, targets, lengths) = make_model("tied", **settings), make_batch()
    plain = run(model, pieces, targets, lengths)[0]
    loss = run(model.train(), pieces, targets, lengths)[0]
    hidden, _ = model.read(pieces, lengths, model.network.start(4), fresh(4))
    changes = [
        rows[time + 1] - rows[time]
        for rows in hidden.split(lengths.tolist())
        for time in range(len(rows) - 1)
    ]
    expected = 0.7 * hidden.pow(2).mean(1).sum() + 0.3 * torch.stack(changes).pow(2).mean(1).sum()
    torch.testing.assert_close(loss - plain, expected, check_dtype=False, atol=1e-5, rtol=0)


def test_an_entry_is_dropped_wherever_it_occurs():
    model = make_model("tied", dropout_embedding=0.5).train()
    seen = []
    model.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    pieces = torch.arange(PIECES).repeat(2)
    run(model, pieces, pieces, torch.tensor([PIECES, PIECES]))
    first, second = seen[0].split(PIECES)
    torch.testing.assert_close(first, second)
    dropped = (first == 0).all(1)
    assert 0 < dropped.sum() < PIECES
    torch.testing.assert_close(first[~dropped], 2 * model.embedding.weight[~dropped])


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_those_of_the_whole(kind):
    model = make_model(kind)
    prompts = [torch.tensor([2, 5, 3, 7]), torch.tensor([2])]
    texts = [torch.tensor([4, 4, 9]), torch.tensor([8, 1, 5])]
    for most in (1, 3, 100):
        last, step = torch.ones(2, 1, dtype=torch.int64), LanguageModelStepper(model)
        state = step.begin(prompts, most)
        for time in range(3):
            scores, positions, state = step(last, state)
            assert positions.shape == (2, 1, 0)
            last = torch.stack([text[time : time + 1] for text in texts])
            for row, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
                whole = torch.cat([prompt, text[:time]])
                start = model.network.start(1)
                hidden, _ = model.read(whole, torch.tensor([len(whole)]), start, fresh(1))
                expected = model.log_probs(hidden[-1:])[0]
                torch.testing.assert_close(scores[row, 0], expected, atol=1e-6, rtol=0)


@torch.no_grad()
def test_beam_search_finds_the_most_probable_text():
    model = make_model("tied", pieces=5)
    constraints = DecodingConstraints(1, 2, max_ratio=0, max_extra=2, min_length=0)
    step = LanguageModelStepper(model)
    state = step.begin([torch.tensor([2, 4])], 10)
    ((best, *_),) = beam_search(
        step, state, torch.zeros(1).long(), constraints, Ranking("none"), 25
    )
    scores = {}
    for text in [(), *((a,) for a in (0, 3, 4)), *((a, b) for a in (0, 3, 4) for b in (0, 3, 4))]:
        targets = torch.tensor([*text, 2])
        pieces = torch.tensor([2, 4, *text])
        hidden, _ = model.read(
            pieces, torch.tensor([len(pieces)]), model.network.start(1), fresh(1)
        )
        log_probs = model.log_probs(hidden[1:])
        scores[text] = float(log_probs.gather(1, targets[:, None]).sum())
    assert tuple(best.pieces) == max(scores, key=scores.get)
    assert best.score == pytest.approx(max(scores.values()), abs=1e-4)


def test_a_small_vocabulary_has_no_rare_entries():
    network = RecurrentSettings(16, bidirectional=False)
    settings = {"network": network, "tied_softmax": False, "cutoffs": [10, 20]}
    model = LanguageModel(5, embed_width=4, **settings)
    assert model.adaptive is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cutoffs": [4]}, "cannot be tied"),
        (
            {"cutoffs": [8, 4], "tied_softmax": False},
            "have to be numbers of entries above 0 that grow",
        ),
        (
            {"cutoffs": [0, 4], "tied_softmax": False},
            "have to be numbers of entries above 0 that grow",
        ),
        ({"cutoffs": [4, 8], "tied_softmax": False}, "width of at least 16, but width is 4"),
        ({"embed_width": 0}, "embed_width is 0"),
        ({"activation_reg": -1.0}, "activation_reg is -1.0"),
        ({"dropout_embedding": 1.0}, "dropout is 1.0"),
    ],
)
def test_settings_out_of_bounds(settings, message):
    with pytest.raises(ValueError, match=message):
        LanguageModel(PIECES, **nest({"embed_width": 4, "width": 4, **settings}))


def test_two_directions_are_refused():
    with pytest.raises(ValueError, match="set bidirectional of its network to false"):
        LanguageModel(PIECES, embed_width=4, network=RecurrentSettings(4, bidirectional=True))
