#!/usr/bin/env bash
# srsly 2.5.6 reads the JSON number 0.3 as 0.30000000000000004, and so does spaCy 3.8.18 on its command
# line: `spacy train config.cfg --training.dropout 0.3` is another training than `dropout = 0.3` in the
# config, which confection reads as 0.3.
#
# Its parser, an old ujson, scales the digits by a power of ten in floating point, which misses the
# nearest double for some numbers. Python's json and confection find it.
#
# Seen with spaCy 3.8.18, srsly 2.5.6, confection 1.3.4, Python 3.11: the output below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q spacy==3.8.18 srsly==2.5.6 confection==1.3.4
"$folder/env/bin/python" - >"$folder/seen" <<'PYTHON'
import json

import srsly
from confection import Config
from spacy.cli._util import parse_config_overrides

print("srsly", srsly.json_loads("0.3"), "json", json.loads("0.3"))
print("config", Config().from_str("[training]\ndropout = 0.3")["training"]["dropout"])
print("command line", parse_config_overrides(["--training.dropout", "0.3"])["training.dropout"])
texts = [f"0.{number:02}" for number in range(1, 100)]
wrong = [text for text in texts if srsly.json_loads(text) != float(text)]
print(len(wrong), "of", len(texts), "numbers from 0.01 to 0.99")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
srsly 0.30000000000000004 json 0.3
config 0.3
command line 0.30000000000000004
10 of 99 numbers from 0.01 to 0.99
SEEN
