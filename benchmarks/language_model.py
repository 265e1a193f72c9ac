"""Compare a language model with a twin in plain PyTorch: losses, perplexity, speed, memory.

    python benchmarks/language_model.py wikitext2/valid.txt parity speed score stream
    python benchmarks/language_model.py wikitext2/valid.txt quality --epochs 10

The text has a paragraph in each line and articles under " = Title = "; the last tenth of its
lines is held out. The vocabulary is that of the words seen twice or more before, the rest one
unknown symbol. The twin is the usual small word model: two LSTM layers of 200 units, tied
embeddings, 20 lanes of 35 words, and SGD with a rate of 20 that is quartered where the perplexity
of the text held out does not fall. Speeds are words for each second of processor time, on one
thread.
"""

import argparse
import math
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_train_batches, train, train_while_improving
from spacy.util import load_config
from thinc.api import SGD, fix_random_seed
from torch import Tensor, nn
from torch.nn import functional

from spacy_rnn.training.bptt import create_bptt_batcher_v1

WIDTH, DEPTH, LANES, STEPS, RATE, CLIP = 200, 2, 20, 35, 20.0, 0.25
CONFIG = Path(__file__).parent.parent / "configs" / "lm.cfg"
# The twin's network and training, as settings of the component.
SAME = {
    "reset": "never",
    "model": {
        "embed_width": WIDTH,
        "network": {"width": WIDTH, "depth": DEPTH, "forget_bias": 0.0},
    },
}


class Twin(nn.Module):
    """A word model as PyTorch users write it."""

    def __init__(self, words: int, dropout: float):
        super().__init__()
        self.embedding = nn.Embedding(words, WIDTH)
        self.lstm = nn.LSTM(WIDTH, WIDTH, DEPTH, dropout=dropout)
        self.output = nn.Linear(WIDTH, words)
        self.output.weight = self.embedding.weight
        self.dropout = nn.Dropout(dropout)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.zeros_(self.output.bias)

    def forward(self, words: Tensor, state: tuple | None) -> tuple[Tensor, tuple]:
        hidden, state = self.lstm(self.dropout(self.embedding(words)), state)
        return self.output(self.dropout(hidden)), state


def chunks(stream: Tensor, lanes: int, end: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut a stream into lanes and these into chunks: what is read, and what comes next."""
    length = len(stream) // lanes
    targets = stream[: lanes * length].view(lanes, length).t()
    read = torch.cat([torch.full((1, lanes), end), targets[:-1]])
    for start in range(0, length, STEPS):
        yield read[start : start + STEPS], targets[start : start + STEPS]


def train_twin(twin: Twin, batches: Iterator, rate: float) -> Iterator[float]:
    """Take a step on each batch, and give its loss."""
    twin.train()
    state = None
    for words, targets in batches:
        state = state and tuple(part.detach() for part in state)
        twin.zero_grad()
        scores, state = twin(words, state)
        loss = functional.cross_entropy(scores.flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(twin.parameters(), CLIP)
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter.sub_(parameter.grad, alpha=rate)
        yield loss.item()


@torch.no_grad()
def score_twin(twin: Twin, stream: Tensor, lanes: int, end: int) -> float:
    """Give the perplexity of a text."""
    twin.eval()
    state, total, words = None, 0.0, 0
    for read, targets in chunks(stream, lanes, end):
        scores, state = twin(read, state)
        loss = functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="sum")
        total += loss.item()
        words += targets.numel()
    return math.exp(total / words)


def read_articles(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Read the words of each article, the end of each line one of them: to train on, held out."""
    lines = path.read_text(encoding="utf8").split("\n")
    parts: tuple[list[list[str]], list[list[str]]] = ([[]], [[]])
    for number, line in enumerate(lines):
        part = parts[number >= len(lines) * 9 // 10]
        title = line.startswith(" = ") and not line.startswith(" = =")
        if title and part[-1]:
            part.append([])
        if line.strip():
            part[-1] += [*line.split(), "<eos>"]
    return parts


def make_examples(nlp: Language, articles: list[list[str]]) -> list[Example]:
    """Make a document of each article."""
    docs = [Doc(nlp.vocab, words=words) for words in articles]
    return [Example(doc, doc) for doc in docs]


def make_pair(articles: list[list[str]], dropout: float) -> tuple[Language, list[Example], Twin]:
    """Make a pipeline and a twin with the same weights."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_lm", config=SAME)
    examples = make_examples(nlp, articles)
    nlp.initialize(lambda: examples)
    shim = nlp.get_pipe("rnn_lm").model.shims[0]
    shim.set_dropout_rate(dropout)
    network = shim.network
    twin = Twin(len(network.embedding.weight), dropout)
    with torch.no_grad():
        twin.embedding.weight.copy_(network.embedding.weight)
        for layer, own in enumerate(network.network.layers):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(twin.lstm, f"{name}_l{layer}").copy_(getattr(own, name))
    return nlp, examples, twin


def make_stream(nlp: Language, examples: list[Example]) -> Tensor:
    """Lay the pieces of documents and their ends in a row."""
    units = nlp.get_pipe("rnn_lm").units
    rows = [torch.tensor([*units.encode(each.reference), 2]) for each in examples]
    return torch.cat(rows)


def compare_losses(articles: list[list[str]], _: list[list[str]], options) -> None:
    """Train both for some steps from the same weights on the same batches, without dropout.

    At a rate of 20 what differs in the last digit grows tenfold in a few steps: the rate is 1.
    """
    spare = sum(len(words) + 1 for words in articles) % LANES
    articles = [*articles[:-1], articles[-1][: len(articles[-1]) - spare]]
    nlp, examples, twin = make_pair(articles, 0.0)
    theirs = train_twin(twin, chunks(make_stream(nlp, examples), LANES, 2), 1.0)
    optimizer = SGD(1.0, L2=0.0, grad_clip=CLIP, use_averages=False)
    batches = create_bptt_batcher_v1(LANES, STEPS, random_length=False)(examples)
    worst = 0.0
    for _step, batch, expected in zip(range(options.steps), batches, theirs, strict=False):
        loss = nlp.update(batch, sgd=optimizer)["rnn_lm"] / (LANES * STEPS)
        worst = max(worst, abs(loss - expected))
    print(f"parity: largest difference of {options.steps} losses {worst:.1e}, the last {loss:.4f}")


def compare_training(articles: list[list[str]], _: list[list[str]], options) -> None:
    """Measure the speed of training: all of spaCy's loop beside the twin's bare one."""
    nlp, examples, twin = make_pair(articles, 0.2)
    stream = make_stream(nlp, examples)
    optimizer = SGD(RATE, L2=0.0, grad_clip=CLIP, use_averages=False)
    batcher = create_bptt_batcher_v1(LANES, STEPS, random_length=False)
    batches = create_train_batches(nlp, lambda _: examples, batcher, 0)
    loop = train_while_improving(
        nlp,
        optimizer,
        batches,
        lambda: (0.0, {}),
        dropout=0.2,
        eval_frequency=10**9,
        accumulate_gradient=1,
        patience=0,
        max_steps=0,
        exclude=[],
        annotating_components=[],
        before_update=None,
    )
    losses = train_twin(twin, chunks(stream, LANES, 2), RATE)
    next(loop), next(losses)
    seconds = {"ours": 0.0, "twin": 0.0}
    for _round in range(options.rounds):  # In turns, so that both meet the same machine.
        for name, steps in (("ours", loop), ("twin", losses)):
            start = time.process_time()
            for _step in range(10):
                next(steps)
            seconds[name] += time.process_time() - start
    words = options.rounds * 10 * LANES * STEPS
    report("training", words, seconds)


def compare_scoring(articles: list[list[str]], _: list[list[str]], options) -> None:
    """Measure `nlp.pipe` beside the twin's forward pass."""
    nlp, examples, twin = make_pair(articles, 0.0)
    docs, words = [], 0
    for example in examples:
        if words < options.words:
            docs.append(example.reference[: options.words - words].as_doc())
            words += len(docs[-1])
    stream = make_stream(nlp, [Example(doc, doc) for doc in docs])
    start = time.process_time()
    score_twin(twin, stream, 10, 2)
    seconds = {"twin": time.process_time() - start}
    start = time.process_time()
    for _doc in nlp.pipe(docs):
        pass
    seconds["ours"] = time.process_time() - start
    report("scoring", words, seconds)


def measure_stream(articles: list[list[str]], _: list[list[str]], options) -> None:
    """Measure the speed and memory of a stream."""
    nlp, _, _ = make_pair(articles, 0.0)
    words = [word for article in articles for word in article]
    with nlp.get_pipe("rnn_lm").stream() as stream:
        start = time.process_time()
        for number in range(1, options.tokens + 1):
            stream.feed(words[number % len(words)])
            if number in (10_000, options.tokens):
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                speed = number / (time.process_time() - start)
                print(
                    f"stream: {number} tokens, {speed:.0f} a second, peak memory {memory:.1f} MB"
                )


def compare_quality(articles: list[list[str]], held_out: list[list[str]], options) -> None:
    """Train both for as many epochs, and print the perplexity of each epoch."""
    nlp, examples, _ = make_pair(articles, 0.2)
    stream = make_stream(nlp, examples)
    words = len(nlp.get_pipe("rnn_lm").units)
    unseen = make_stream(nlp, make_examples(nlp, held_out))
    steps = math.ceil(len(stream) / (LANES * STEPS))
    with tempfile.TemporaryDirectory() as folder:
        for name, part in (("train", articles), ("dev", held_out)):
            docs = [example.reference for example in make_examples(nlp, part)]
            DocBin(docs=docs).to_disk(f"{folder}/{name}.spacy")
        overrides = {
            "paths.train": f"{folder}/train.spacy",
            "paths.dev": f"{folder}/dev.spacy",
            "paths.log": None,
            "training.max_steps": options.epochs * steps,
            "training.optimizer.learn_rate.total_steps": options.epochs * steps,
            "training.eval_frequency": steps,
        }
        print(f"{len(stream)} words, {len(unseen)} held out, a vocabulary of {words}")
        print(f"ours, {options.epochs} epochs of {steps} steps", flush=True)
        train(init_nlp(load_config(CONFIG, overrides), use_gpu=-1))
    twin = Twin(words, 0.2)
    rate, best = RATE, math.inf
    for epoch in range(1, options.epochs + 1):
        for _ in train_twin(twin, chunks(stream, LANES, 2), rate):
            pass
        found = score_twin(twin, unseen, 10, 2)
        rate = rate if found < best else rate / 4
        best = min(best, found)
        print(f"twin, epoch {epoch}: {found:.2f}, best {best:.2f}", flush=True)


def report(what: str, words: int, seconds: dict[str, float]) -> None:
    """Print words per second of both."""
    ours, twin = words / seconds["ours"], words / seconds["twin"]
    print(f"{what}: ours {ours:.0f} words/s, twin {twin:.0f}, {ours / twin:.2f} of it")


PARTS = {
    "parity": compare_losses,
    "speed": compare_training,
    "score": compare_scoring,
    "stream": measure_stream,
    "quality": compare_quality,
}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--words", type=int, default=40_000)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    articles, held_out = read_articles(options.text)
    for part in options.parts:
        PARTS[part](articles, held_out, options)


if __name__ == "__main__":
    main()
