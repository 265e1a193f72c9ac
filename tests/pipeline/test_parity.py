"""The translator learns what a plain PyTorch loop learns: equal losses, step for step."""

import sys

import pytest
import spacy
import torch
from spacy.training import Example
from thinc.api import SGD

STEPS, RATE, CLIP = 50, 0.5, 1.0


@pytest.fixture
def plain_translator(monkeypatch, root):
    monkeypatch.syspath_prepend(root / "benchmarks")
    yield pytest.importorskip("plain_translator").PlainTranslator
    sys.modules.pop("plain_translator")


def make_pairs():
    words = ["eins", "zwei", "drei", "vier", "fünf"]
    rows = [[words[(3 * i + 2 * j) % 5] for j in range(1 + i % 4)] for i in range(12)]
    return [(" ".join(row), " ".join(row[::-1]).upper()) for row in rows]


def test_losses_equal_those_of_a_plain_loop(plain_translator):
    nlp = spacy.blank("de")
    translator = nlp.add_pipe(
        "rnn_translator",
        config={
            "vocab_size": 285,
            "model": {
                "encoder": {"embed_width": 16, "network": {"width": 24}},
                "attention": {"@misc": "spacy-rnn.general_attention.v1"},
                "decoder": {
                    "embed_width": 16,
                    "network": {"width": 24},
                    "readout_width": 16,
                    "label_smoothing": 0.0,
                    "deep_output": True,
                },
            },
        },
    )
    examples = []
    for source, target in make_pairs():
        reference = nlp.make_doc(source)
        reference._.translation = target
        examples.append(Example(nlp.make_doc(source), reference))
    nlp.initialize(lambda: examples)
    twin = plain_translator(285, embed=16, width=24, dropout=0.0, smoothing=0.0)
    twin.copy_weights(translator.model.shims[0].network)
    plain = torch.optim.SGD(twin.parameters(), lr=RATE)
    encode = translator.target_subwords.encode
    optimizer = SGD(RATE, L2=0.0, grad_clip=CLIP, use_averages=False)
    ours, theirs = [], []
    for step in range(STEPS):
        sources, targets = zip(*make_pairs()[step % 3 :: 3], strict=True)
        plain.zero_grad()
        loss = twin(encode(sources), encode(targets))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), CLIP)
        plain.step()
        theirs.append(loss.item())
        losses = nlp.update(examples[step % 3 :: 3], sgd=optimizer)
        ours.append(losses["rnn_translator"] / sum(len(text) + 1 for text in encode(targets)))
    assert ours == pytest.approx(theirs, rel=1e-3)
    assert ours[-1] < 0.5 * ours[0]
