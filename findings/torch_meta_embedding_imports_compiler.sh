#!/usr/bin/env bash
# torch 2.13.0: constructing `nn.Embedding` on the meta device imports torch's compiler.
#
# A module is often built on the "meta" device to learn its shapes without taking memory.
# `nn.Linear`, `nn.LSTM` and `nn.LayerNorm` do that with what `import torch` has loaded.
# `nn.Embedding` initialises its weight by `normal_`, whose meta implementation is a decomposition
# that is wrapped for `torch.compile`: the first call imports `torch._dynamo` and sympy, which
# takes a second or more on an ordinary machine. `torch.nn.utils.skip_init`, which is documented
# as the way to skip initialisation, runs the constructor on the meta device and pays too; a weight
# that is handed over (`_weight=`) does not.
#
# Seen with torch 2.13.0 (CPU), Python 3.11: the output below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q torch==2.13.0 numpy==2.4.6
cat >"$folder/try.py" <<'PYTHON'
import subprocess
import sys

CASES = {
    "Linear": "nn.Linear(4, 4, device='meta')",
    "LSTM": "nn.LSTM(4, 4, device='meta')",
    "LayerNorm": "nn.LayerNorm(4, device='meta')",
    "Embedding": "nn.Embedding(4, 4, device='meta')",
    "skip_init": "nn.utils.skip_init(nn.Embedding, 4, 4)",
    "empty weight": "nn.Embedding(4, 4, _weight=torch.empty(4, 4, device='meta'))",
}
for name, code in CASES.items():
    program = (
        f"import sys, torch; from torch import nn; before = set(sys.modules); {code}; "
        f"new = set(sys.modules) - before; print('torch._dynamo' in new, 'sympy' in new)"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    print(f"{name}: {output.strip()}")
PYTHON
"$folder/env/bin/python" "$folder/try.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
Linear: False False
LSTM: False False
LayerNorm: False False
Embedding: True True
skip_init: True True
empty weight: False False
SEEN
