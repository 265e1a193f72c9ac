"""Encoder, attention and decoder: whole targets at once equal one piece after the other."""

from collections import Counter
from functools import partial
from itertools import product

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from spacy_rnn.generation.beam import beam_search
from spacy_rnn.generation.constraints import DecodingConstraints
from spacy_rnn.generation.scoring import Ranking
from spacy_rnn.nn.dropout import Dropout
from spacy_rnn.nn.kernels.prepared import PreparedWeights, prepare
from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.nn.rnn.settings import RecurrentSettings
from spacy_rnn.nn.seq2seq.attention import (
    AdditiveAttention,
    CoverageAttention,
    DotAttention,
    GeneralAttention,
)
from spacy_rnn.nn.seq2seq.decoder import Decoder
from spacy_rnn.nn.seq2seq.model import Seq2Seq, SubwordEncoder, reduce_mean
from spacy_rnn.nn.seq2seq.stepper import DecoderStepper
from spacy_rnn.text.subwords import END, START

PIECES = 7
ATTENTIONS = {
    "additive": partial(AdditiveAttention, width=3),
    "coverage": partial(CoverageAttention, width=3),
    "dot": DotAttention,
    "general": GeneralAttention,
    "none": None,
}
CASES = [
    {"cell": cell, "attention": attention, "input_feeding": feeding, "bridge": bridge}
    for (cell, feeding), (attention, bridge) in product(
        product(["gru", "lstm"], [False, True]),
        [
            ("additive", "dense"),
            ("coverage", "last"),
            ("dot", "last"),
            ("general", "zero"),
            ("none", "dense"),
        ],
    )
]
CASES += [
    {"cell": cell, "attention": "general", "input_feeding": feeding, "bridge": "dense"}
    for cell, feeding in product(CELLS, [False, True])
    if cell not in ("gru", "lstm")
]
DEEP = ("coverage", "general", "none")
"""Attentions that are tried with a readout that also sees the last piece."""
each_case = pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join(str(value) for value in case.values())
)
SOURCES = [[3, 4, 5], [], [6], [3, 3, 6, 5]]
TARGETS = [[4, 3], [5], [], [6, 5, 4]]


def make_network(
    case, depth=2, tied_embeddings=False, dtype=torch.float64, network=None, **settings
):
    deep = case["attention"] in DEEP
    case = {**case, "attention": ATTENTIONS[case["attention"]], "deep_output": deep, **settings}
    one_way = {"cell": case.pop("cell"), "bidirectional": False, **(network or {})}
    one_way = RecurrentSettings(4, depth, **one_way)
    decoder = partial(Decoder, network=one_way, **{"embed_width": 3, "readout_width": 3, **case})
    encoder = partial(SubwordEncoder, embed_width=3, network=RecurrentSettings(4))
    network = Seq2Seq(PIECES, decoder, encoder, PIECES, tied_embeddings=tied_embeddings).to(dtype)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    return network.eval()


def flat(sentences):
    lengths = torch.tensor([len(sentence) for sentence in sentences], dtype=torch.int64)
    return torch.tensor([piece for sentence in sentences for piece in sentence]).long(), lengths


def surprisals(network, sources, targets):
    """Compute what each piece and end costs, for each sentence."""
    pieces, lengths = flat([[START, *target, END] for target in targets])
    _, result = network(*flat(sources), pieces, lengths)
    return result.split([len(target) + 1 for target in targets])


each_preparation = pytest.mark.parametrize(
    "prepare_it",
    [lambda network: network, lambda network: prepare(network, PreparedWeights())],
    ids=["each-step", "prepared"],
)


def assert_steps_equal_whole_targets(network):
    step = DecoderStepper(network.decoder)
    state = step.begin(*network.encode(*flat(SOURCES)))
    together = surprisals(network, SOURCES, TARGETS)
    ended = [[*target, END] for target in TARGETS]
    last = torch.full((len(SOURCES), 1), START)
    for time in range(max(map(len, ended))):
        scores, _, state = step(last, state)
        log_probs = scores.log_softmax(2)[:, 0]
        now = [target[time] if time < len(target) else END for target in ended]
        for row, target in enumerate(ended):
            if time < len(target):
                torch.testing.assert_close(together[row][time], -log_probs[row, now[row]])
        last = torch.tensor(now)[:, None]


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize(
    "settings",
    [
        {"residual": True},
        {"layer_norm": True},
        {"zoneout_hidden": 0.3},
        {"initial_state": "learned"},
        {"residual": True, "layer_norm": True, "zoneout_hidden": 0.3, "weight_drop": 0.5},
    ],
    ids="-".join,
)
@each_preparation
def test_whole_targets_equal_single_steps_with_every_setting(cell, depth, settings, prepare_it):
    case = {"cell": cell, "attention": "general", "input_feeding": False, "bridge": "zero"}
    # As wide as the embeddings, so that a first layer is residual too.
    sizes = {"embed_width": 4, "readout_width": 4}
    network = make_network(case, depth=depth, network=settings, **sizes)
    assert_steps_equal_whole_targets(prepare_it(network))


@each_case
@each_preparation
def test_whole_targets_equal_single_steps(case, prepare_it):
    network = prepare_it(make_network(case))
    assert_steps_equal_whole_targets(network)
    decoder = network.decoder
    if isinstance(decoder.prepared, PreparedWeights):
        first, words = decoder.network.layers[0], decoder.embedding.weight
        read = [] if case["input_feeding"] else [first.weight_ih]
        read += [decoder.deep_output_layer.weight] if decoder.deep_output_layer else []
        assert [key[:3] for key in decoder.prepared._cache if key[0] == "table"] == [
            ("table", id(words), id(weight)) for weight in read
        ]


def test_gates_of_a_large_vocabulary_are_not_tabulated(monkeypatch):
    monkeypatch.setattr("spacy_rnn.nn.kernels.prepared.MAX_TABLE", PIECES * 3 * 4 - 1)
    network = prepare(make_network(CASES[0]), PreparedWeights())
    step = DecoderStepper(network.decoder)
    step(torch.full((4, 1), START), step.begin(*network.encode(*flat(SOURCES))))
    assert "table" not in {key[0] for key in network.decoder.prepared._cache}


class CountProducts(TorchDispatchMode):
    """Counts the products of matrices, and those of a matrix for each sentence."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.counts[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))


@torch.no_grad()
@pytest.mark.parametrize("cell", ["gru", "lstm", "ssru"])
def test_a_step_has_two_products_and_one_attention(cell):
    case = {"cell": cell, "attention": "general", "input_feeding": False, "bridge": "dense"}
    network = prepare(make_network(case, depth=1), PreparedWeights())
    step = DecoderStepper(network.decoder)
    state = step.begin(*network.encode(*flat(SOURCES)))
    step(torch.full((4, 1), START), state)
    with CountProducts() as mode:
        step(torch.full((4, 1), START), state)
    assert mode.counts["addmm"] + mode.counts["mm"] == mode.counts["bmm"] == 2
    assert not mode.counts["embedding"]


@each_case
def test_hypotheses_go_their_own_ways(case):
    """Several of one sentence, chosen and left as a search does it."""
    network = make_network(case)
    step = DecoderStepper(network.decoder)
    state = step.begin(*network.encode(*flat(SOURCES)))
    _, _, state = step(torch.full((4, 1), START), state)
    state = state.select(torch.tensor([0, 2, 3]), torch.zeros(3, 2).long())
    scores, _, state = step(torch.tensor([[3, 4], [5, 6], [4, 4]]), state)
    state = state.select(torch.tensor([1, 2]), torch.tensor([[1, 0], [0, 1]]))
    scores, _, _ = step(torch.tensor([[3, 5], [6, 4]]), state)
    # Sentence 2 wrote 6 3 and 5 5, sentence 3 wrote 4 6 and 4 4.
    for (row, column), sentence, written in (
        ((0, 0), 2, [6, 3]),
        ((0, 1), 2, [5, 5]),
        ((1, 0), 3, [4, 6]),
        ((1, 1), 3, [4, 4]),
    ):
        expected = surprisals(network, [SOURCES[sentence]], [written])[0][-1]
        torch.testing.assert_close(-scores[row, column].log_softmax(0)[END], expected)


@torch.no_grad()
@pytest.mark.parametrize("cell", CELLS)
def test_a_beam_search_scores_sequences_as_whole_targets(cell):
    case = {"cell": cell, "attention": "general", "input_feeding": False, "bridge": "dense"}
    network = make_network(case)
    step, lengths = DecoderStepper(network.decoder), flat(SOURCES)[1]
    state = step.begin(*network.encode(*flat(SOURCES)))
    constraints = DecodingConstraints(START, END, max_ratio=0, max_extra=3)
    found = beam_search(step, state, lengths, constraints, Ranking("none"), 3)
    for source, hypotheses in zip(SOURCES, found, strict=True):
        assert len(hypotheses) == 3
        for hypothesis in hypotheses:
            (expected,) = surprisals(network, [source], [hypothesis.pieces])
            assert hypothesis.score == pytest.approx(-float(expected.sum()), abs=1e-4)


@each_case
def test_neighbours_change_nothing(case):
    network = make_network(case, dtype=torch.float32)
    together = surprisals(network, SOURCES, TARGETS)
    for source, target, expected in zip(SOURCES, TARGETS, together, strict=True):
        (alone,) = surprisals(network, [source], [target])
        torch.testing.assert_close(alone, expected, rtol=0, atol=1e-5)
    backwards = surprisals(network, SOURCES[::-1], TARGETS[::-1])[::-1]
    torch.testing.assert_close(backwards, together, rtol=0, atol=1e-5)


@each_case
@pytest.mark.parametrize("tied_embeddings", [False, True])
def test_gradients_equal_finite_differences(case, tied_embeddings):
    network = make_network(case, depth=1, tied_embeddings=tied_embeddings, label_smoothing=0.1)
    pieces, lengths = flat([[START, *target, END] for target in TARGETS])

    def loss(*_):
        return network(*flat(SOURCES), pieces, lengths)[0]

    assert torch.autograd.gradcheck(loss, list(network.parameters()), fast_mode=True)


@each_case
def test_sources_matter(case):
    network = make_network(case)
    other = [[4, 4, 4], [], [5], [6, 6]]
    before, after = (surprisals(network, sources, TARGETS) for sources in (SOURCES, other))
    for row in (0, 2, 3):
        changes = before[row] != after[row]
        # Without attention and bridge, a source is not seen.
        seen = case["attention"] != "none" or case["bridge"] != "zero"
        assert changes.all() if seen else not changes.any()


def test_memory_from_outside():
    settings = RecurrentSettings(512, cell="gru", bidirectional=False)
    decoder = partial(Decoder, attention=GeneralAttention, network=settings)
    network = Seq2Seq(PIECES, decoder, memory=5).eval()
    positions, lengths = torch.randn(6, 5), torch.tensor([2, 0, 4])
    memory, summary = network.encode(positions, lengths)
    torch.testing.assert_close(summary[0], positions[:2].mean(0))
    assert not summary[1].any()
    torch.testing.assert_close(reduce_mean(positions, lengths)[2], positions[2:].mean(0))
    torch.testing.assert_close(memory.values[2, :4], network.decoder.value(positions[2:]))


def test_label_smoothing_is_for_training_alone():
    network = make_network(CASES[0], label_smoothing=0.3)
    pieces, lengths = flat([[START, *target, END] for target in TARGETS])
    loss, plain = network(*flat(SOURCES), pieces, lengths)
    torch.testing.assert_close(loss, plain.sum())
    smoothed, same = network.train()(*flat(SOURCES), pieces, lengths)
    torch.testing.assert_close(same, plain)
    assert not torch.isclose(smoothed, loss)


def make_noisy(**settings):
    """Make a network in training, with dropout wherever it draws masks for each sequence."""
    dropout = {"dropout_input": 0.3, "dropout_output": 0.3, "word_dropout": 0.2}
    network = make_network(CASES[0], network=dropout, **settings).train()
    for module in network.encoder.modules():
        if isinstance(module, Dropout):
            module.rate = 0.3
    return network


def noisy_loss(network, sources, targets, guide=None):
    """Compute the loss under the masks that a fixed seed draws."""
    torch.manual_seed(3)
    pieces, lengths = flat([[START, *target, END] for target in targets])
    return network(*flat(sources), pieces, lengths, guide)


def test_r_drop_draws_two_passes_together():
    network, alpha = make_noisy(r_drop=2.0, label_smoothing=0.0), 2.0
    loss, surprisals = noisy_loss(network, SOURCES, TARGETS)
    outputs = []
    hook = network.decoder.register_forward_hook(lambda *call: outputs.append(call[-1][0]))
    network.decoder.r_drop = 0.0
    _, twice = noisy_loss(network, SOURCES * 2, TARGETS * 2)
    hook.remove()
    first, second = twice.chunk(2)
    assert not torch.allclose(first, second)
    torch.testing.assert_close(surprisals, (first + second) / 2)
    scores = outputs[0] @ network.decoder.output_weight.T + network.decoder.output_bias
    one, other = scores.softmax(1).chunk(2)
    divergence = (one * (one / other).log() + other * (other / one).log()).sum()
    torch.testing.assert_close(loss, twice.sum() / 2 + alpha / 4 * divergence)


def test_gradients_of_r_drop_equal_finite_differences():
    network = make_noisy(r_drop=2.0)
    assert torch.autograd.gradcheck(
        lambda *_: noisy_loss(network, SOURCES, TARGETS)[0], tuple(network.parameters())
    )


def test_r_drop_changes_nothing_in_prediction():
    network = make_noisy(r_drop=2.0).eval()
    results = noisy_loss(network, SOURCES, TARGETS)
    network.decoder.r_drop = 0.0
    assert all(map(torch.equal, results, noisy_loss(network, SOURCES, TARGETS)))


GUIDED = [
    {"cell": "gru", "attention": attention, "input_feeding": feeding, "bridge": "dense"}
    for attention, feeding in product(["general", "coverage"], [False, True])
]
each_guided = pytest.mark.parametrize(
    "case", GUIDED, ids=lambda case: f"{case['attention']}-{case['input_feeding']}"
)


def make_guide(dtype=torch.float64):
    """Draw what the attention weights at each piece should be."""
    guide = torch.zeros(len(SOURCES), 3, 4, dtype=dtype)
    for row, (source, target) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        guide[row, : len(target), : len(source)] = torch.rand(len(target), len(source))
    guide[0, 1] = 0  # A piece that comes from nothing.
    return guide


def attention_weights(network, source, target):
    """Attend step by step, as a search does."""
    step = DecoderStepper(network.decoder)
    state = step.begin(*network.encode(*flat([source])))
    rows = []
    for piece in (START, *target[:-1]):
        _, weights, state = step(torch.tensor([[piece]]), state)
        rows.append(weights[0, 0])
    return rows


@each_guided
def test_a_guide_adds_the_cross_entropy_of_the_attention(case):
    network, guide = make_network(case), make_guide()
    pieces, lengths = flat([[START, *target, END] for target in TARGETS])
    plain, surprisals = network(*flat(SOURCES), pieces, lengths)
    loss, same = network(*flat(SOURCES), pieces, lengths, guide)
    assert torch.equal(same, surprisals)
    expected = 0
    for row, (source, target) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        for time, weights in enumerate(attention_weights(network, source, target)):
            for position in range(len(source)):
                expected -= guide[row, time, position] * weights[position].log()
    assert expected > 0
    torch.testing.assert_close(loss - plain, expected)


@each_guided
def test_gradients_of_a_guide_equal_finite_differences(case):
    network, guide = make_network(case, depth=1), make_guide()
    pieces, lengths = flat([[START, *target, END] for target in TARGETS])

    def loss(*_):
        return network(*flat(SOURCES), pieces, lengths, guide)[0]

    assert torch.autograd.gradcheck(loss, list(network.parameters()), fast_mode=True)


def test_two_passes_of_r_drop_are_guided_by_their_mean():
    network, guide = make_noisy(r_drop=1.0), make_guide()

    def added(sources, targets, guide):
        guided = noisy_loss(network, sources, targets, guide)[0]
        return guided - noisy_loss(network, sources, targets)[0]

    once = added(SOURCES, TARGETS, guide)
    network.decoder.r_drop = 0.0
    twice = added(SOURCES * 2, TARGETS * 2, torch.cat([guide, guide]))
    torch.testing.assert_close(once, twice / 2)


def test_attention_that_is_far_off_has_a_finite_loss():
    network = make_network(GUIDED[0], dtype=torch.float32)
    nn.init.normal_(network.decoder.attention.key.weight, std=1e4)
    pieces, lengths = flat([[START, *target, END] for target in TARGETS])
    loss, _ = network(*flat(SOURCES), pieces, lengths, make_guide(torch.float32))
    loss.backward()
    assert loss.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_embeddings_are_tied_as_asked():
    def count(**settings):
        network = make_network(CASES[0], **settings)
        shapes = [tuple(parameter.shape) for parameter in network.parameters()]
        return shapes.count((PIECES, 3))

    assert count() == 2
    assert count(tied_softmax=False) == 3
    assert count(tied_embeddings=True) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"embed_width": 5}, "embed_width is 5 and readout_width 3"),
        ({"r_drop": -1.0}, "r_drop is -1.0, but has to be at least 0"),
        ({"bridge": "first"}, 'bridge is "first"'),
        (
            {"bridge": "last", "network": RecurrentSettings(6, bidirectional=False)},
            "have 4 features and its own 6",
        ),
        (
            {"network": RecurrentSettings(4, bidirectional=True)},
            "set bidirectional of its network to false",
        ),
        (
            {"network": RecurrentSettings(4, bidirectional=False, initial_state="learned")},
            'set initial_state of the network to "zero"',
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    network = RecurrentSettings(4, bidirectional=False)
    sizes = {"network": network, "embed_width": 3, "readout_width": 3}
    settings = {"attention": None, **sizes, **settings}
    with pytest.raises(ValueError, match=message):
        Decoder(PIECES, 4, 4, **settings)


@pytest.mark.parametrize(
    ("embed_width", "sources", "message"),
    [
        (None, 0, "Only a subword encoder"),
        (3, 9, r"have \(9, 3\) and \(7, 3\)"),
        (2, 7, r"have \(7, 2\) and \(7, 3\)"),
    ],
)
def test_embeddings_that_cannot_be_shared_are_refused(embed_width, sources, message):
    network = RecurrentSettings(4, bidirectional=False)
    decoder = partial(Decoder, attention=None, embed_width=3, readout_width=3, network=network)
    encoder = None
    if embed_width is not None:
        encoder = partial(SubwordEncoder, embed_width=embed_width, network=RecurrentSettings(4))
    with pytest.raises(ValueError, match=message):
        Seq2Seq(PIECES, decoder, encoder, sources, memory=4, tied_embeddings=True)
