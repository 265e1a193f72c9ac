"""Build encoders of each cell, and say which compiler has been imported by then."""

import json
import sys

from spacy_rnn.architectures.encoders import build_recurrent_encoder_v1
from spacy_rnn.nn.rnn.cells import CELLS

for name, cell in CELLS.items():
    for chrono_init in (None, 20) if cell.has_chrono_init else (None,):
        build_recurrent_encoder_v1(8, cell=name, bidirectional=False, chrono_init=chrono_init)
print(json.dumps(sorted({"torch._dynamo", "sympy"} & sys.modules.keys())))
