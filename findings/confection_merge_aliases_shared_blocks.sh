#!/usr/bin/env bash
# confection 1.3.4: `Config.merge` gives two blocks one set of defaults if the caller wrote both
# with the same dictionary.
#
# `nlp.add_pipe(name, config={...})` merges the caller's settings with a factory's defaults by
# `Config.merge`. It copies both sides, but the copy preserves that two blocks are one object, and
# the defaults are then written into that object: the second block's defaults replace or join those
# of the first one, without a word. It is natural to write `sizes = {"width": 24}` and to use it
# for an encoder and a decoder; equal but distinct dictionaries give the right result.
#
# Seen with confection 1.3.4 (spaCy 3.8.18's), Python 3.11: the output below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q confection==1.3.4
"$folder/env/bin/python" - >"$folder/seen" <<'PYTHON'
from confection import Config

defaults = Config({"model": {"encoder": {"both": True}, "decoder": {"both": False}}})
sizes = {"width": 24}
print("one dictionary:", defaults.merge(Config({"model": {"encoder": sizes, "decoder": sizes}})))
settings = Config({"model": {"encoder": dict(sizes), "decoder": dict(sizes)}})
print("two dictionaries:", defaults.merge(settings))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
one dictionary: {'model': {'encoder': {'width': 24, 'both': True}, 'decoder': {'width': 24, 'both': True}}}
two dictionaries: {'model': {'encoder': {'width': 24, 'both': True}, 'decoder': {'width': 24, 'both': False}}}
SEEN
