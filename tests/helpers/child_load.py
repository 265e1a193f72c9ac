"""Load stored pipelines, predict with each, and say which compiler has been imported by then."""

import json
import sys

import spacy

imported = {}
*names, folder = sys.argv[1:]
for name in names:
    nlp = spacy.load(f"{folder}/{name}")
    list(nlp.pipe(["Anna lives in Oslo", "", "they live here"]))
    imported[name] = sorted({"torch._dynamo", "sympy"} & sys.modules.keys())
print(json.dumps(imported))
