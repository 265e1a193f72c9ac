"""Time translating in turn with CTranslate2, at the same lengths.

    python benchmarks/peers_decoding.py test.en training/multi30k-small another

CTranslate2 has no recurrent networks. So its 8-bit Transformer is timed with random weights, six
layers of width 256 that read and two that write. Each of its translations is as long as the
first model's: speed depends on shapes and lengths alone. It reads and writes pieces, we text. All
get the sentences in the same batches of similar lengths, one for each thread, or one by one, and
return texts alone. Each has a process of its own: CTranslate2 sets how many threads torch has.
Needs `pip install ctranslate2==4.8.5`.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

NAME = "rnn_translator"
PEER = "CTranslate2"
WIDTH, HIDDEN, HEADS, LAYERS = 256, 1536, 8, (6, 2)
BATCH, ALONE = 64, 200

loaded: Any = None
"""What a process has loaded: a pipeline and texts, or a translator and the lengths of texts."""


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("texts", type=Path, help="what to translate, a sentence in each line")
    parser.add_argument("models", nargs="+", help="trained pipelines")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    texts = args.texts.read_text(encoding="utf8").splitlines()
    pools = {model: start(load_model, model, texts, args.threads) for model in args.models}
    first = pools[args.models[0]]
    vocab_size, sources = first.submit(describe).result()
    with tempfile.TemporaryDirectory() as folder:
        write_transformer(Path(folder), vocab_size)
        pools = {PEER: start(load_peer, folder, sources, args.threads), **pools}
        for beam_width, size in ((1, BATCH), (5, BATCH), (1, 1)):
            targets = first.submit(count_pieces, beam_width).result()
            order = list(range(ALONE))  # Alone they come as they are, in batches by length.
            if size > 1:
                order = np.lexsort((sources, targets)).tolist()
            way = "one by one" if size == 1 else f"batches of {size}"
            print(f"beam {beam_width}, {way}, threads: {args.threads}")
            runs = {
                name: (pool, run_peer if name == PEER else run_model)
                for name, pool in pools.items()
            }
            compare(runs, args.rounds, order, targets, beam_width, size)
        for pool in pools.values():
            pool.shutdown()


def start(load: Callable, *arguments: Any) -> ProcessPoolExecutor:
    """Start a process and load something there."""
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=load, initargs=arguments)


def compare(
    runs: dict[str, tuple[ProcessPoolExecutor, Callable]],
    rounds: int,
    order: list[int],
    *arguments: Any,
) -> None:
    """Time each in turn; print the best of the rounds, and the median ratio in a round."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for each in range(-1, rounds):  # The first round warms up.
        for name, (pool, run) in runs.items():
            took = pool.submit(run, order, *arguments).result()
            if each >= 0:
                seconds[name].append(took)
    for name, times in seconds.items():
        ratio = np.median(np.divide(seconds[PEER], times))
        print(f"  {len(order) / min(times):7,.0f} sentences/s, {ratio:5.2f} x {PEER}  {name}")


def load_model(model: str, texts: list[str], threads: int) -> None:
    """Load a pipeline."""
    global loaded
    import spacy
    import torch

    loaded = spacy.load(model), texts, threads
    torch.set_num_threads(threads)  # A network that is loaded in a worker process set it to 1.


def load_peer(folder: str, sources: list[int], threads: int) -> None:
    """Load the Transformer."""
    global loaded
    import ctranslate2

    translator = ctranslate2.Translator(
        folder, device="cpu", intra_threads=1, inter_threads=threads
    )
    loaded = translator, sources


def describe() -> tuple[int, list[int]]:
    """Return the size of the vocabulary, and the pieces of each source."""
    nlp, texts, _ = loaded
    subwords = nlp.get_pipe(NAME).source_subwords
    return len(subwords), [len(pieces) for pieces in subwords.encode(texts)]


def count_pieces(beam_width: int) -> list[int]:
    """Return the pieces of each translation."""
    nlp, texts, _ = loaded
    settings = {NAME: {"beam_width": beam_width}}
    docs = nlp.pipe(texts, batch_size=len(texts), component_cfg=settings)
    return [len(doc._.translations[0]["pieces"]) for doc in docs]


def run_model(order: list[int], targets: list[int], beam_width: int, size: int) -> float:
    """Translate batches, or with a size of 1 a text at a time, and return the seconds."""
    nlp, texts, threads = loaded
    settings = {NAME: {"beam_width": beam_width, "detail": "text"}}
    started = time.perf_counter()
    if size == 1:
        docs = (nlp(texts[number], component_cfg=settings) for number in order)
    else:
        ordered = [texts[number] for number in order]
        docs = nlp.pipe(ordered, batch_size=size * threads, component_cfg=settings)
    for doc in docs:
        assert isinstance(doc._.translation, str)
    return time.perf_counter() - started


def run_peer(order: list[int], targets: list[int], beam_width: int, size: int) -> float:
    """Translate batches, each to its mean length, and return the seconds."""
    translator, sources = loaded
    started = time.perf_counter()
    results = []
    for first in range(0, len(order), size):
        batch = order[first : first + size]
        length = round(sum(targets[number] for number in batch) / len(batch))
        results += translator.translate_batch(
            [["w0"] * sources[number] for number in batch],
            beam_size=beam_width,
            min_decoding_length=length,
            max_decoding_length=length,
            asynchronous=True,
        )
        if size == 1:  # The next one is asked for when this one is there.
            results.pop().result()
    for result in results:
        result.result()
    return time.perf_counter() - started


def write_transformer(folder: Path, vocab_size: int) -> None:
    """Write a Transformer of random weights, as 8-bit integers."""
    from ctranslate2.specs import common_spec, transformer_spec

    random = np.random.default_rng(0)
    spec = transformer_spec.TransformerSpec.from_config(
        num_layers=LAYERS, num_heads=HEADS, pre_norm=False, activation=common_spec.Activation.RELU
    )

    def draw(rows: int, columns: int) -> np.ndarray:
        return (0.05 * random.standard_normal((rows, columns))).astype(np.float32)

    def set_linear(layer: object, rows: int, columns: int) -> None:
        layer.weight, layer.bias = draw(rows, columns), np.zeros(rows, np.float32)

    def set_norm(layer: object) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def set_attention(layer: object, rows: tuple[int, ...]) -> None:
        set_norm(layer.layer_norm)
        for part, size in zip(layer.linear, rows, strict=True):
            set_linear(part, size, WIDTH)

    table = draw(vocab_size, WIDTH)
    spec.encoder.embeddings[0].weight = spec.decoder.embeddings.weight = table
    for part in (spec.encoder, spec.decoder):
        part.position_encodings.encodings = np.zeros((512, WIDTH), np.float32)
        for layer in part.layer:
            set_attention(layer.self_attention, (3 * WIDTH, WIDTH))
            set_norm(layer.ffn.layer_norm)
            set_linear(layer.ffn.linear_0, HIDDEN, WIDTH)
            set_linear(layer.ffn.linear_1, WIDTH, HIDDEN)
    for layer in spec.decoder.layer:
        set_attention(layer.attention, (WIDTH, 2 * WIDTH, WIDTH))
    set_linear(spec.decoder.projection, vocab_size, WIDTH)
    words = ["<unk>", "<s>", "</s>", *(f"w{number}" for number in range(vocab_size - 3))]
    spec.register_source_vocabulary(words)
    spec.register_target_vocabulary(words)
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))


if __name__ == "__main__":
    main()
