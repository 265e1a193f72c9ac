"""Time the translator: training beside plain PyTorch, decoding, memory.

    python benchmarks/translation.py corpus/multi30k/train.spacy corpus/multi30k/test.spacy \
        --model training/multi30k/model-best

Training is `spacy train`'s own loop on `configs/translator.cfg`, from reading the corpus to
the averages of the weights, and in turn with it, in blocks of ten steps, a twin in plain
PyTorch on the same batches cut beforehand. Decoding goes from raw text to
`doc._.translation` through `nlp.pipe`, in turn for each setting, the best of the rounds.
Memory is that of a process which loads the model and translates.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import sacrebleu
import spacy
import torch
from plain_translator import PlainTranslator
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_train_batches, train_while_improving
from spacy.util import load_config, registry

CONFIG = Path(__file__).parents[1] / "configs" / "translator.cfg"
NAME = "rnn_translator"
KILOBYTES = 1024 if sys.platform != "darwin" else 2**20
Pieces = tuple[list[list[int]], list[list[int]]]


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("train", type=Path, help="training corpus, .spacy")
    parser.add_argument("test", type=Path, help="what to translate, .spacy")
    parser.add_argument("--model", type=Path, help="a trained pipeline; without, none is timed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=200, help="training steps to time")
    parser.add_argument("--warm-up", type=int, default=20, help="training steps before them")
    parser.add_argument("--rounds", type=int, default=3, help="times to translate all")
    parser.add_argument("--vocab-size", type=int, default=8000)
    parser.add_argument("--memory", choices=["lines", "long"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.memory:
        measure_memory(args.model, args.test, args.memory == "long")
        return
    if args.steps:
        compare_training(args.train, args.vocab_size, args.warm_up, args.steps)
    if args.model:
        time_decoding(args.model, args.test, args.rounds)
        for kind in ("lines", "long"):
            command = [sys.executable, __file__, *sys.argv[1:], "--memory", kind]
            subprocess.run(command, check=True)


# Training


def compare_training(path: Path, vocab_size: int, warm_up: int, steps: int) -> None:
    """Time our training and the twin's in turn."""
    nlp = make_pipeline(path, vocab_size)
    translator = nlp.get_pipe(NAME)
    network = translator.model.shims[0].network
    settings = nlp.config["training"]
    twin = PlainTranslator(
        len(translator.target_subwords),
        embed=network.decoder.embedding.embedding_dim,
        width=network.decoder.network.width,
        dropout=settings["dropout"],
    )
    twin.copy_weights(network)
    optimizer = torch.optim.Adam(twin.parameters())
    batches: list[Pieces] = []
    ours = train(nlp, batches, warm_up + steps)
    seconds = {"spacy train": 0.0, "plain": 0.0}
    sentences = pieces = 0
    for first in range(0, warm_up + steps, 10):
        size = min(10, warm_up + steps - first)
        started = time.perf_counter()
        for _ in range(size):
            next(ours)
        between = time.perf_counter()
        for sources, targets in batches:
            optimizer.zero_grad(set_to_none=True)
            twin(sources, targets).backward()
            torch.nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
            optimizer.step()
        ended = time.perf_counter()
        if first >= warm_up:
            seconds["spacy train"] += between - started
            seconds["plain"] += ended - between
            sentences += sum(len(targets) for _, targets in batches)
            pieces += sum(len(target) + 1 for _, targets in batches for target in targets)
        batches.clear()
    print(f"{steps} steps of {sentences / steps:.0f} sentences, {torch.get_num_threads()} threads")
    for name, time_taken in seconds.items():
        print(f"training, {name}: {pieces / time_taken:,.0f} target pieces/s")
    print(f"spacy train / plain: {seconds['plain'] / seconds['spacy train']:.2f}x")
    print(f"peak memory of both together: {peak_memory():,.0f} MB")


def make_pipeline(path: Path, vocab_size: int) -> Language:
    """Initialize the pipeline of the config."""
    overrides = {
        "paths.train": str(path),
        "paths.dev": str(path),
        f"components.{NAME}.vocab_size": vocab_size,
    }
    return init_nlp(load_config(CONFIG, overrides=overrides), use_gpu=-1)


def train(nlp: Language, batches: list[Pieces], steps: int) -> Iterator:
    """Train as `spacy train` does, a step at a time, and note what each step read."""
    config = nlp.config.interpolate()
    settings = registry.resolve(config["training"])
    corpus = registry.resolve(config["corpora"])["train"]
    translator = nlp.get_pipe(NAME)

    def noted() -> Iterator:
        for epoch, batch in create_train_batches(nlp, corpus, settings["batcher"], 0):
            texts = [example.reference._.translation for example in batch]
            sources = [example.reference.text for example in batch]
            batches.append(
                (
                    translator.source_subwords.encode(sources),
                    translator.target_subwords.encode(texts),
                )
            )
            yield epoch, batch

    return train_while_improving(
        nlp,
        settings["optimizer"],
        noted(),
        evaluate=lambda: (0.0, {}),
        dropout=settings["dropout"],
        eval_frequency=steps + 1,
        accumulate_gradient=1,
        patience=0,
        max_steps=0,
        exclude=[],
        annotating_components=[],
        before_update=None,
    )


# Decoding


def time_decoding(model: Path, path: Path, rounds: int) -> None:
    """Time each search with each kind of numbers, and score what it writes."""
    nlp = spacy.load(model)
    texts, references = read(nlp, path)
    few = max(1, len(texts) // 10)
    for beam_width, batch_size in ((1, 64), (5, 64), (1, 1)):
        chosen = texts if batch_size > 1 else texts[:few]
        rates = dict.fromkeys((False, True), 0.0)
        written: dict[bool, list[str]] = {}
        for _ in range(rounds):
            for int8 in rates:
                nlp.get_pipe(NAME).int8 = int8
                settings = {NAME: {"beam_width": beam_width}}
                pipe = partial(nlp.pipe, batch_size=batch_size, component_cfg=settings)
                started = time.perf_counter()
                written[int8] = [doc._.translation for doc in pipe(chosen)]
                seconds = time.perf_counter() - started
                rates[int8] = max(rates[int8], len(chosen) / seconds)
        for int8, rate in rates.items():
            bleu = sacrebleu.corpus_bleu(written[int8], [references[: len(chosen)]]).score
            print(
                f"decoding, beam {beam_width}, batches of {batch_size}, "
                f"{'int8' if int8 else 'floating point'}: {rate:,.0f} sentences/s, BLEU {bleu:.2f}"
            )


def read(nlp: Language, path: Path) -> tuple[list[str], list[str]]:
    """Read sources and references."""
    if not Doc.has_extension("translation"):
        Doc.set_extension("translation", default=None)
    docs = list(DocBin().from_disk(path).get_docs(nlp.vocab))
    return [doc.text for doc in docs], [doc._.translation for doc in docs]


# Memory


def measure_memory(model: Path, path: Path, long: bool) -> None:
    """Print what translating adds to the loaded pipeline."""
    nlp = spacy.load(model)
    texts, _ = read(nlp, path)
    list(nlp.pipe(texts[:1]))
    if long:
        words = " ".join(texts).split()
        texts[len(texts) // 2] = " ".join((words * (5000 // len(words) + 1))[:5000])
    loaded = peak_memory()
    for _ in nlp.pipe(texts):
        pass
    more = peak_memory() - loaded
    what = f"{len(texts):,} lines" + (", one of them of 5,000 words" if long else "")
    print(f"memory, {what}: {loaded:,.0f} MB loaded, {more:,.0f} MB more at most")


def peak_memory() -> float:
    """Give the most memory that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES


if __name__ == "__main__":
    main()
