#!/usr/bin/env bash
# polib 1.2.0 and Babel 2.19.0 read a string of gettext whose second quote is missing without its last
# letter, and say nothing: `msgid "Open file` becomes "Open fil". Babel does so with abort_invalid=True,
# too. msgfmt refuses the same file. A catalogue that lost a quote in an editor so loses a message,
# since the program asks for another text than the one that was read.
#
# Both take the first and the last character of the string off, whatever these are.
#
# Seen with polib 1.2.0, Babel 2.19.0, Python 3.11: the output below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q polib==1.2.0 babel==2.19.0
"$folder/env/bin/python" - >"$folder/seen" <<'PYTHON'
from io import BytesIO

import polib
from babel.messages.pofile import read_po

catalogue = 'msgid "Open file\nmsgstr "Datei öffnen"\n'
print("polib", [entry.msgid for entry in polib.pofile(catalogue)])
messages = read_po(BytesIO(catalogue.encode()), abort_invalid=True)
print("Babel", [message.id for message in messages if message.id])
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
polib ['Open fil']
Babel ['Open fil']
SEEN
