"""Time translating in turn with CTranslate2, at the same lengths.

    python benchmarks/peers_decoding.py training/multi30k/model-best test.en

CTranslate2 has no recurrent networks. So its 8-bit Transformer is timed with random weights, six
layers of width 256 that read and two that write. Each of its translations is as long as the
trained model's: speed depends on shapes and lengths alone. It reads and writes pieces, we text.
Needs `pip install ctranslate2==4.8.5`.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import spacy
import torch

NAME = "rnn_translator"
WIDTH, HIDDEN, HEADS, LAYERS = 256, 1536, 8, (6, 2)
BATCH = 64


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", type=Path, help="a trained pipeline")
    parser.add_argument("texts", type=Path, help="what to translate, a sentence in each line")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    nlp = spacy.load(args.model)
    texts = args.texts.read_text(encoding="utf8").splitlines()
    for beam_width in (1, 5):
        settings = {NAME: {"beam_width": beam_width}}

        def translate(settings: dict = settings) -> list:
            return list(nlp.pipe(texts, batch_size=len(texts), component_cfg=settings))

        subwords = nlp.get_pipe(NAME).source_subwords
        sources = [len(pieces) for pieces in subwords.encode(texts)]
        targets = [len(doc._.translations[0]["pieces"]) for doc in translate()]
        with tempfile.TemporaryDirectory() as folder:
            write_transformer(Path(folder), len(subwords))
            peer = prepare_ctranslate2(Path(folder), sources, targets, beam_width)
            compare(
                {"spacy-rnn": translate, "CTranslate2": peer}, len(texts), args.rounds, beam_width
            )


def compare(runs: dict[str, Callable], sentences: int, rounds: int, beam_width: int) -> None:
    """Time each in turn, and print the best of the rounds."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - started)
    for name, seconds in best.items():
        print(f"beam {beam_width}, one thread, {name:11} {sentences / seconds:7,.0f} sentences/s")


def prepare_ctranslate2(
    folder: Path, sources: list[int], targets: list[int], beam_width: int
) -> Callable[[], None]:
    """Return what translates batches of similar lengths, each to its mean length."""
    import ctranslate2

    translator = ctranslate2.Translator(
        str(folder), device="cpu", intra_threads=1, inter_threads=1
    )
    order = sorted(range(len(sources)), key=lambda number: (targets[number], sources[number]))
    batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]

    def run() -> None:
        for batch in batches:
            length = round(sum(targets[number] for number in batch) / len(batch))
            translator.translate_batch(
                [["w0"] * sources[number] for number in batch],
                beam_size=beam_width,
                min_decoding_length=length,
                max_decoding_length=length,
            )

    return run


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
