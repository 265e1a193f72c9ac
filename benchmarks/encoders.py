"""Compare the recurrent network with torch's own on packed sequences.

    python benchmarks/encoders.py en_lines-ud-train.conllu

Words a second over sentences of real lengths, ours and torch's in turn in one process,
the best of several rounds each. "packed" is what one writes with torch: pack the
sentences, run `nn.LSTM`, pad and unpack them. "kernel" is that call alone, on sentences that
were packed beforehand and stay packed. Peak memory is that of a process that does
nothing else. The ratios compare ours, all included, with each.
"""

import argparse
import math
import random
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import rnn

from spacy_rnn.nn.kernels.prepared import PreparedWeights
from spacy_rnn.nn.kernels.prepared import prepare as prepare_network
from spacy_rnn.nn.rnn.network import RecurrentNetwork
from spacy_rnn.nn.rnn.settings import RecurrentSettings

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN}
SIZES = [(96, 48), (128, 128)]
BATCHES = [32, 256]
ORDERS = ["random", "sorted"]
MODES = ["inference", "training"]


def main() -> None:
    """Run every case for each number of threads in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("sentences", type=Path, help="a CoNLL-U file")
    parser.add_argument("--limit", type=int, default=1024, help="sentences to read")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--part", choices=["speed", "ours", "packed"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    lengths = read_lengths(args.sentences)[: args.limit]
    if args.part == "speed":
        torch.set_num_threads(args.threads[0])
        for cell in args.cells:
            compare_speed(cell, lengths, args.rounds, args.threads[0])
    elif args.part:
        torch.set_num_threads(args.threads[0])
        print(measure_memory(args.cells[0], lengths, args.part))
    else:
        print(f"{len(lengths)} sentences, {sum(lengths)} words, torch {torch.__version__}")
        for threads in args.threads:
            run_part("speed", args.cells, threads, sys.argv[1:])
        for cell in args.cells:
            ours, packed = (
                float(run_part(part, [cell], 1, sys.argv[1:])) for part in ("ours", "packed")
            )
            print(
                f"{cell}: peak memory {ours:.0f} MB, packed {packed:.0f} MB: {ours / packed:.2f}x"
            )


def run_part(part: str, cells: list[str], threads: int, argv: list[str]) -> str:
    """Run this script again for one part; speed prints as it goes."""
    options = ["--part", part, "--cells", *cells, "--threads", str(threads)]
    command = [sys.executable, __file__, *argv, *options]
    output = None if part == "speed" else subprocess.PIPE
    return subprocess.run(command, check=True, stdout=output, text=True).stdout


def read_lengths(path: Path) -> list[int]:
    """Count the words of each sentence of a CoNLL-U file, in a random order."""
    sentences = path.read_text(encoding="utf8").strip().split("\n\n")
    lengths = [
        sum(line.split("\t", 1)[0].isdigit() for line in sentence.split("\n"))
        for sentence in sentences
    ]
    random.Random(0).shuffle(lengths)
    return lengths


def make_batches(lengths: list[int], size: int, order: str, inputs: int) -> list[tuple]:
    """Cut sentences into batches of random words."""
    if order == "sorted":
        lengths = sorted(lengths)
    cuts = (torch.tensor(lengths[i : i + size]) for i in range(0, len(lengths), size))
    return [(torch.randn(int(cut.sum()), inputs), cut) for cut in cuts]


def make_networks(cell: str, inputs: int, hidden: int, mode: str) -> dict[str, Callable]:
    """Make ours and torch's network of one size, as functions of a batch."""
    ours = RecurrentNetwork(inputs, RecurrentSettings(2 * hidden, cell=cell))
    if mode == "inference":  # As a component predicts.
        ours = prepare_network(ours, PreparedWeights())
    theirs = CELLS[cell](inputs, hidden, bidirectional=True)

    def run_packed(data: Tensor, lengths: Tensor) -> Tensor:
        padded = rnn.pad_sequence(data.split(lengths.tolist()))
        packed = rnn.pack_padded_sequence(padded, lengths, enforce_sorted=False)
        output, _ = rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
        return output[torch.arange(output.shape[1]) < lengths[:, None]]

    return {
        "ours": lambda data, lengths: ours(data, lengths, final=False)[0],
        "packed": run_packed,
        "kernel": lambda packed: theirs(packed)[0].data,
    }


def prepare(name: str, batches: list[tuple], mode: str) -> Iterator[tuple[tuple, Tensor]]:
    """Give each batch as a network takes it, and the tensor that gets its gradient."""
    for data, lengths in batches:
        words = data.clone().requires_grad_(mode == "training")
        if name != "kernel":
            yield (words, lengths), words
        else:
            packed = rnn.pack_sequence(data.split(lengths.tolist()), enforce_sorted=False)
            words = packed.data.clone().requires_grad_(mode == "training")
            yield (rnn.PackedSequence(words, *packed[1:]),), words


def run(network: Callable, inputs: list[tuple[tuple, Tensor]], mode: str) -> float:
    """Run all batches and return the seconds that they took."""
    start = time.perf_counter()
    if mode == "inference":
        with torch.inference_mode():
            for arguments, _ in inputs:
                network(*arguments)
    else:
        for arguments, words in inputs:
            network(*arguments).sum().backward()
            words.grad = None
    return time.perf_counter() - start


def compare_speed(cell: str, lengths: list[int], rounds: int, threads: int) -> None:
    """Print words a second of each case, and the ratios."""
    total = sum(lengths)
    ratios = defaultdict(list)
    for inputs, hidden in SIZES:
        for size in BATCHES:
            for order in ORDERS:
                batches = make_batches(lengths, size, order, inputs)
                for mode in MODES:
                    networks = make_networks(cell, inputs, hidden, mode)
                    ready = {name: list(prepare(name, batches, mode)) for name in networks}
                    best = dict.fromkeys(networks, math.inf)
                    for _ in range(rounds):
                        for name, network in networks.items():
                            best[name] = min(best[name], run(network, ready[name], mode))
                    against = [best["packed"] / best["ours"], best["kernel"] / best["ours"]]
                    ratios[mode].append(against)
                    speeds = "  ".join(
                        f"{name} {total / seconds / 1000:6.0f}k" for name, seconds in best.items()
                    )
                    print(
                        f"{cell:8} {inputs:3} -> 2x{hidden:<3} batches of {size:3} {order} "
                        f"{threads} threads {mode:9}  {speeds}  "
                        f"{against[0]:.2f}x packed {against[1]:.2f}x kernel",
                        flush=True,
                    )
    for mode, pairs in ratios.items():
        packed, kernel = zip(*pairs, strict=True)
        print(
            f"{cell:8} {threads} threads {mode:9}: {geometric_mean(packed):.2f}x packed "
            f"(worst {min(packed):.2f}x), {geometric_mean(kernel):.2f}x kernel "
            f"(worst {min(kernel):.2f}x)",
            flush=True,
        )


def measure_memory(cell: str, lengths: list[int], name: str) -> float:
    """Measure the peak memory in MB of training and inference over all batches."""
    for inputs, hidden in SIZES:
        for size in BATCHES:
            for order in ORDERS:
                batches = make_batches(lengths, size, order, inputs)
                for mode in MODES:
                    network = make_networks(cell, inputs, hidden, mode)[name]
                    run(network, list(prepare(name, batches, mode)), mode)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def geometric_mean(values: tuple[float, ...]) -> float:
    """Average ratios."""
    return math.exp(sum(map(math.log, values)) / len(values))


if __name__ == "__main__":
    main()
