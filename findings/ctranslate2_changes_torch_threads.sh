#!/usr/bin/env bash
# CTranslate2 4.8.5: making a `Translator` changes how many threads torch has, if torch came first.
#
# `ctranslate2.Translator(…, device="cpu", intra_threads=1)` limits the operations of CTranslate2.
# It sets OpenMP's number of threads in the thread that makes it. Both wheels bring a libgomp of
# their own, but where torch 2.13.0 (CPU) was imported first, the call reaches the one of torch:
# `torch.get_num_threads()` in that thread then says 1, whatever `torch.set_num_threads` said
# before, and products of torch run on one thread. Deleting the translator does not bring the number
# back; other threads keep theirs. Where ctranslate2 was imported first, nothing of that happens.
# So whoever compares both in one process, or has torch prepare the inputs of a translator, computes
# on fewer threads without a word. `torch.set_num_threads` after making the translator helps.
#
# Seen with torch 2.13.0 (CPU), Python 3.11: the output below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q ctranslate2==4.8.5 torch==2.13.0 numpy==2.4.6
cat >"$folder/try.py" <<'PYTHON'
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np

for name in sys.argv[2:]:
    import_module(name)

import ctranslate2
import torch
from ctranslate2.specs import common_spec, transformer_spec

WIDTH, WORDS = 8, ["<unk>", "<s>", "</s>", "a", "b"]


def draw(*shape):
    return np.zeros(shape, np.float32)


def fill_linear(layer, rows, columns=WIDTH):
    layer.weight, layer.bias = draw(rows, columns), draw(rows)


def fill_attention(layer, rows):
    layer.layer_norm.gamma, layer.layer_norm.beta = draw(WIDTH), draw(WIDTH)
    for part, size in zip(layer.linear, rows):
        fill_linear(part, size)


spec = transformer_spec.TransformerSpec.from_config(
    num_layers=(1, 1), num_heads=2, pre_norm=False, activation=common_spec.Activation.RELU
)
spec.encoder.embeddings[0].weight = spec.decoder.embeddings.weight = draw(len(WORDS), WIDTH)
for part in (spec.encoder, spec.decoder):
    part.position_encodings.encodings = draw(16, WIDTH)
    for layer in part.layer:
        fill_attention(layer.self_attention, (3 * WIDTH, WIDTH))
        layer.ffn.layer_norm.gamma, layer.ffn.layer_norm.beta = draw(WIDTH), draw(WIDTH)
        fill_linear(layer.ffn.linear_0, WIDTH)
        fill_linear(layer.ffn.linear_1, WIDTH)
fill_attention(spec.decoder.layer[0].attention, (WIDTH, 2 * WIDTH, WIDTH))
fill_linear(spec.decoder.projection, len(WORDS))
spec.register_source_vocabulary(WORDS)
spec.register_target_vocabulary(WORDS)
spec.validate()
spec.save(sys.argv[1])

torch.set_num_threads(2)
with ThreadPoolExecutor(1) as other:
    print("before:", torch.get_num_threads(), other.submit(torch.get_num_threads).result())
    translator = ctranslate2.Translator(sys.argv[1], device="cpu", intra_threads=1)
    print("after:", torch.get_num_threads(), other.submit(torch.get_num_threads).result())
    del translator
    print("deleted:", torch.get_num_threads())
torch.set_num_threads(2)
print("set again:", torch.get_num_threads())
PYTHON
mkdir "$folder/model"
for order in "torch ctranslate2" "ctranslate2 torch"; do
    echo "$order"
    # shellcheck disable=SC2086
    "$folder/env/bin/python" "$folder/try.py" "$folder/model" $order
done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
torch ctranslate2
before: 2 2
after: 1 2
deleted: 1
set again: 2
ctranslate2 torch
before: 2 2
after: 2 2
deleted: 2
set again: 2
SEEN
