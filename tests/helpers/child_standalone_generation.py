"""Search where neither spaCy nor any network of this package can be imported.

Prints how many modules there are, and what each search finds, beside the best there is.
"""

import json

from refuse_imports import import_all, refuse_imports

refuse_imports("spacy", "thinc", "safetensors", "sentencepiece", "spacy_rnn.nn")

import torch
from tables import PIECES, Table, all_sequences, make_constraints

from spacy_rnn.generation.beam import beam_search
from spacy_rnn.generation.greedy import greedy_search
from spacy_rnn.generation.sampling import sample
from spacy_rnn.generation.scoring import Ranking

table, lengths, rules = Table(0), torch.tensor([3]), make_constraints()
arguments = (table.step, table.begin([0]), lengths, rules)
searches = {
    "beam": beam_search(*arguments, Ranking("none"), PIECES**4),
    "greedy": greedy_search(*arguments),
    "sample": sample(*arguments, seed=0),
}
best = max(all_sequences(3), key=lambda pieces: sum(table.log_probs(0, pieces)))
found = {name: hypotheses[0][0].pieces for name, hypotheses in searches.items()}
print(json.dumps({"modules": import_all("spacy_rnn.generation"), "best": best, "found": found}))
