"""Time translating in turn with CTranslate2, at the same lengths.

    python benchmarks/peers_decoding.py test.en training/multi30k-small another

CTranslate2 has no recurrent networks. So its 8-bit Transformer is timed with random weights, six
layers of width 256 that read and two that write. Each of its translations is as long as the
first model's: speed depends on shapes and lengths alone. It reads and writes pieces, we text. All
get the sentences in the same batches of similar lengths, or one by one, and return texts alone.
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
from spacy.language import Language

NAME = "rnn_translator"
PEER = "CTranslate2"
WIDTH, HIDDEN, HEADS, LAYERS = 256, 1536, 8, (6, 2)
BATCH, ALONE = 64, 200


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("texts", type=Path, help="what to translate, a sentence in each line")
    parser.add_argument("models", nargs="+", help="trained pipelines")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    pipelines = {model: spacy.load(model) for model in args.models}
    first = pipelines[args.models[0]]
    texts = args.texts.read_text(encoding="utf8").splitlines()
    subwords = first.get_pipe(NAME).source_subwords
    sources = [len(pieces) for pieces in subwords.encode(texts)]
    with tempfile.TemporaryDirectory() as folder:
        write_transformer(Path(folder), len(subwords))
        for beam_width, size, number in (
            (1, BATCH, len(texts)),
            (5, BATCH, len(texts)),
            (1, 1, ALONE),
        ):
            targets = count_pieces(first, texts, beam_width)
            # Alone they come as they are, in batches by length.
            order = np.lexsort((sources, targets)) if size > 1 else np.arange(number)
            batches = [order[start : start + size] for start in range(0, number, size)]
            runs = {
                PEER: prepare_peer(folder, batches, sources, targets, beam_width, args.threads)
            }
            for model, nlp in pipelines.items():
                runs[model] = prepare(nlp, [texts[each] for each in order], size, beam_width)
            way = "one by one" if size == 1 else f"batches of {size}"
            print(f"beam {beam_width}, {way}, threads: {args.threads}")
            compare(runs, number, args.rounds)


def compare(runs: dict[str, Callable], sentences: int, rounds: int) -> None:
    """Time each in turn; print the best of the rounds, and the median ratio in a round."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for each in range(-1, rounds):  # The first round warms up.
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if each >= 0:
                seconds[name].append(time.perf_counter() - started)
    for name, times in seconds.items():
        ratio = np.median(np.divide(seconds[PEER], times))
        print(f"  {sentences / min(times):7,.0f} sentences/s, {ratio:5.2f} x {PEER}  {name}")


def count_pieces(nlp: Language, texts: list[str], beam_width: int) -> list[int]:
    """Return the lengths of the translations."""
    settings = {NAME: {"beam_width": beam_width}}
    docs = nlp.pipe(texts, batch_size=len(texts), component_cfg=settings)
    return [len(doc._.translations[0]["pieces"]) for doc in docs]


def prepare(nlp: Language, texts: list[str], size: int, beam_width: int) -> Callable[[], None]:
    """Return what translates batches, or with a size of 1 a text at a time."""
    settings = {NAME: {"beam_width": beam_width, "detail": "text"}}

    def run() -> None:
        if size == 1:
            docs = (nlp(text, component_cfg=settings) for text in texts)
        else:
            docs = nlp.pipe(texts, batch_size=size, component_cfg=settings)
        for doc in docs:
            assert isinstance(doc._.translation, str)

    return run


def prepare_peer(
    folder: str,
    batches: list[np.ndarray],
    sources: list[int],
    targets: list[int],
    beam_width: int,
    threads: int,
) -> Callable[[], None]:
    """Return what translates each batch to its mean length, on all threads side by side."""
    import ctranslate2

    translator = ctranslate2.Translator(
        folder, device="cpu", intra_threads=1, inter_threads=threads
    )

    def run() -> None:
        results = []
        for batch in batches:
            length = round(sum(targets[number] for number in batch) / len(batch))
            results += translator.translate_batch(
                [["w0"] * sources[number] for number in batch],
                beam_size=beam_width,
                min_decoding_length=length,
                max_decoding_length=length,
                asynchronous=True,
            )
            if len(batch) == 1:  # The next one is asked for when this one is there.
                results.pop().result()
        for result in results:
            result.result()

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
