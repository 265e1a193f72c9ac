"""Time the training of translators in turn with other toolkits.

    python benchmarks/peers_training.py train.en train.de

Each toolkit has an environment of its own in `--folder`, made by pip with the versions below. All
train on the same sentences, 80 a step, cut into about 5,000 joint pieces: a bidirectional GRU of
2 x 256, embeddings of 256, attention and a GRU decoder of 512; Marian's recurrent layers have 256
in all, with which it has about as many weights. Two runs of different lengths are timed; their
difference knows nothing of imports, vocabularies and compilation. OpenNMT-py and JoeyNMT ask for
older releases of torch, and run with this one all the same.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import sentencepiece
import yaml

ROOT = Path(__file__).parents[1]
TORCH = "torch==2.13.0"
SENTENCES = 80  # A step.
PIECES = 5000
SHORT, LONG = 20, 80  # Steps of the two runs.


class Peer(NamedTuple):
    """A toolkit: what is installed, and how `steps` are trained.

    requirements (list[str]): What pip installs with its dependencies.
    alone (list[str]): What pip installs without its dependencies.
    train (Callable[[Path, Path, int], list[str]]): The command that trains for a number of steps,
        by the interpreter and the folder of the corpus.
    """

    requirements: list[str]
    alone: list[str]
    train: Callable[[Path, Path, int], list[str]]


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("source", type=Path, help="text to train on, a sentence in each line")
    parser.add_argument("target", type=Path, help="its translation")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "peers")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    args = parser.parse_args()
    corpus = args.folder / "corpus"
    pieces = prepare_corpus(corpus, args.source, args.target)
    pythons = {name: make_environment(args.folder, name) for name in args.peers}
    seconds: dict[str, list[float]] = {name: [] for name in args.peers}
    memory = dict.fromkeys(args.peers, 0.0)
    for _ in range(args.rounds):
        for name in args.peers:
            command = PEERS[name].train
            short, _ = run(command(pythons[name], corpus, SHORT))
            long, peak = run(command(pythons[name], corpus, LONG))
            seconds[name].append((long - short) / (LONG - SHORT))
            memory[name] = max(memory[name], peak)
    print(f"steps of {SENTENCES} sentences, {pieces:.1f} target pieces each, two threads")
    for name, rounds in seconds.items():
        rate = SENTENCES * pieces / min(rounds)
        ratio = min(rounds) / min(seconds[args.peers[0]])
        print(
            f"{name:18} {rate:7,.0f} target pieces/s, {ratio:5.2f}x the time of {args.peers[0]}, "
            f"{memory[name]:6,.0f} MB at most"
        )


def run(command: list[str]) -> tuple[float, float]:
    """Run a command on two threads; return its seconds and its peak memory in MB."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "OMP_NUM_THREADS": "2"}
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            output.seek(0)
            sys.exit(output.read().decode(errors="replace")[-3000:])
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def make_environment(folder: Path, name: str) -> Path:
    """Make the environment of a peer, unless it is there; return its interpreter."""
    environment = folder / name.split()[0]
    python = environment / "bin" / "python"
    if not python.exists():
        peer = PEERS[name]
        venv.create(environment, with_pip=True)
        install = [python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt"]
        subprocess.run([*install, *peer.requirements], check=True)
        if peer.alone:
            subprocess.run([*install, "--no-deps", *peer.alone], check=True)
    return python


def prepare_corpus(folder: Path, source: Path, target: Path) -> float:
    """Write a corpus as each toolkit reads it; return the mean number of pieces of a target.

    The end of a sentence counts as a piece.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        input=f"{source},{target}",
        model_prefix=str(folder / "pieces"),
        vocab_size=PIECES,
        model_type="bpe",
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "pieces.model"))
    pieces = [model.id_to_piece(number) for number in range(3, PIECES)]
    lengths = []
    for path, side in ((source, "src"), (target, "trg")):
        lines = path.read_text(encoding="utf8").splitlines()
        encoded = model.encode(lines, out_type=str)
        lengths = [len(line) + 1 for line in encoded]
        for part, size in (("train", len(lines)), ("dev", 10)):
            write_lines(folder / f"{part}.{side}", map(" ".join, encoded[:size]))
            write_lines(folder / f"{part}.{side}.text", lines[:size])
    for part in ("train", "dev"):
        texts = [str(folder / f"{part}.{side}.text") for side in ("src", "trg")]
        convert = [sys.executable, "-m", "spacy", "rnn", "convert", *texts]
        subprocess.run([*convert, str(folder / f"{part}.spacy")], check=True)
    write_lines(folder / "pieces.opennmt", (f"{piece}\t1" for piece in pieces))
    write_lines(folder / "pieces.joey", ["<unk>", "<pad>", "<s>", "</s>", *pieces])
    numbers = {piece: number for number, piece in enumerate(["</s>", "<unk>", *pieces])}
    (folder / "pieces.yml").write_text(yaml.safe_dump(numbers, allow_unicode=True), "utf8")
    return sum(lengths) / len(lengths)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a line for each text."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")


def train_ours(python: Path, corpus: Path, steps: int) -> list[str]:
    """Return the command of `spacy train` on the committed config."""
    data = corpus / "train.spacy"
    settings = {
        "paths.train": data,
        "paths.dev": corpus / "dev.spacy",
        "paths.log": corpus / "log.jsonl",
        "training.max_steps": steps,
        "training.eval_frequency": steps + 1,
        "training.batcher.size": 100_000,
        "training.batcher.max_items": SENTENCES,
        "training.logger.progress_bar": "false",
    }
    options = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    return [str(python), "-m", "spacy", "train", str(ROOT / "configs/translator.cfg"), *options]


def train_marian(python: Path, corpus: Path, steps: int) -> list[str]:
    """Return the command of Marian's trainer."""
    options = f"""
        --type s2s --enc-cell gru --dec-cell gru --dim-emb 256 --dim-rnn 256
        --train-sets {corpus}/train.src {corpus}/train.trg
        --vocabs {corpus}/pieces.yml {corpus}/pieces.yml --tied-embeddings-all
        --model {corpus}/marian.npz --overwrite --no-restore-corpus
        --mini-batch {SENTENCES} --maxi-batch 100 --after {steps}u --disp-freq {steps}u
        --save-freq 100000u --optimizer adam --learn-rate 0.001 --dropout-rnn 0.3
        --label-smoothing 0.1 --cpu-threads 2 --seed 1
    """
    return [str(python), "-m", "pymarian", "train", *options.split()]


def train_opennmt(python: Path, corpus: Path, steps: int) -> list[str]:
    """Return the command of OpenNMT-py's trainer."""
    settings = {
        "data": {"corpus": {"path_src": f"{corpus}/train.src", "path_tgt": f"{corpus}/train.trg"}},
        "src_vocab": f"{corpus}/pieces.opennmt",
        "share_vocab": True,
        "save_model": f"{corpus}/opennmt",
        "encoder_type": "brnn",
        "rnn_type": "GRU",
        "layers": 1,
        "hidden_size": 512,
        "word_vec_size": 256,
        "share_embeddings": True,
        "share_decoder_embeddings": False,
        "global_attention": "general",
        "batch_type": "sents",
        "batch_size": SENTENCES,
        "bucket_size": 8000,
        "num_workers": 0,
        "train_steps": steps,
        "valid_steps": 100_000,
        "save_checkpoint_steps": 100_000,
        "report_every": steps,
        "optim": "adam",
        "learning_rate": 0.001,
        "dropout": [0.3],
        "label_smoothing": 0.1,
    }
    path = corpus / "opennmt.yml"
    path.write_text(yaml.safe_dump(settings), encoding="utf8")
    return [str(python), "-m", "onmt.bin.train", "-config", str(path)]


def train_joey(python: Path, corpus: Path, steps: int) -> list[str]:
    """Return the command of JoeyNMT's trainer."""
    side = {"level": "word", "lowercase": False, "voc_file": f"{corpus}/pieces.joey"}
    rnn = {"type": "recurrent", "rnn_type": "gru", "num_layers": 1, "dropout": 0.3}
    embeddings = {"embedding_dim": 256, "dropout": 0.3}
    settings = {
        "name": "peer",
        "use_cuda": False,
        "data": {
            "train": f"{corpus}/train",
            "dev": f"{corpus}/dev",
            "dataset_type": "plain",
            "src": {"lang": "src", **side},
            "trg": {"lang": "trg", **side},
        },
        "testing": {"beam_size": 1, "batch_size": SENTENCES, "batch_type": "sentence"},
        "training": {
            "model_dir": f"{corpus}/joey",
            "overwrite": True,
            "batch_size": SENTENCES,
            "batch_type": "sentence",
            "updates": steps,
            "epochs": 100,
            "validation_freq": 100_000,
            "logging_freq": 100_000,
            "learning_rate": 0.001,
            "label_smoothing": 0.1,
            "clip_grad_norm": 1.0,
            "scheduling": "exponential",
        },
        "model": {
            "tied_embeddings": True,
            "tied_softmax": False,
            "encoder": {
                **rnn,
                "bidirectional": True,
                "hidden_size": 256,
                "embeddings": embeddings,
            },
            "decoder": {
                **rnn,
                "hidden_size": 512,
                "embeddings": embeddings,
                "attention": "bahdanau",
                "init_hidden": "bridge",
                "hidden_dropout": 0.3,
            },
        },
    }
    path = corpus / "joey.yml"
    path.write_text(yaml.safe_dump(settings), encoding="utf8")
    return [str(python), "-m", "joeynmt", "train", str(path), "--skip-test"]


OPENNMT = f"""
    {TORCH} configargparse ctranslate2 fasttext-wheel flask pyahocorasick pyonmttok pyyaml
    rapidfuzz sacrebleu six spacy tensorboard waitress
"""
JOEY = f"""
    {TORCH} datasets importlib_metadata matplotlib numpy packaging pandas protobuf pyyaml sacrebleu
    sacremoses sentencepiece setuptools six subword-nmt tensorboard
"""
PEERS = {
    "spacy-rnn": Peer([TORCH, str(ROOT)], [], train_ours),
    "Marian 1.12.42": Peer(["pymarian==1.12.42"], [], train_marian),
    "OpenNMT-py 3.5.1": Peer(OPENNMT.split(), ["OpenNMT-py==3.5.1"], train_opennmt),
    "JoeyNMT 2.3.0": Peer(JOEY.split(), ["joeynmt==2.3.0"], train_joey),
}


if __name__ == "__main__":
    main()
