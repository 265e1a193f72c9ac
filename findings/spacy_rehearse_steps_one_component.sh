#!/usr/bin/env bash
# spaCy 3.8.18: of a pipeline of several components `nlp.rehearse` trains one alone at each call,
# drawn at random.
#
# The components are shuffled, and the dictionary that collects their gradients is made anew for
# each of them, inside of the loop (`Language.rehearse` in spacy/language.py); it is applied once,
# after the loop, when it holds those of the last one. Losses are reported for all. A component's
# own `rehearse(examples, sgd=optimizer)` does what it says.
#
# Seen with spaCy 3.8.18, Python 3.11: the output below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q spacy==3.8.18
"$folder/env/bin/python" - >"$folder/seen" <<'PYTHON'
import spacy
from spacy.training import Example

nlp = spacy.blank("en")
for name in ("tagger", "textcat"):
    nlp.add_pipe(name)
annotation = {"tags": ["PRP", "VBD"], "cats": {"A": 1.0, "B": 0.0}}
examples = [Example.from_dict(nlp.make_doc("we ran"), annotation)]
nlp.initialize(lambda: examples)
optimizer = nlp.resume_training()
nlp.update(examples, sgd=optimizer)  # Now both differ from what they were.
counts = set()
for _ in range(5):
    before = {name: pipe.model.to_bytes() for name, pipe in nlp.pipeline}
    losses = nlp.rehearse(examples, sgd=optimizer)
    changed = [name for name, pipe in nlp.pipeline if pipe.model.to_bytes() != before[name]]
    counts.add((len(losses), len(changed)))
print("components with a loss, components that changed:", *counts)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
components with a loss, components that changed: (2, 1)
SEEN
