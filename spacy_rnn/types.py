"""A name for what passes each boundary between layers."""

from thinc.model import Model
from thinc.types import Floats2d

Encoder = Model[list[Floats2d], list[Floats2d]]
"""For each document an array `(tokens, nI)` comes in and one of `(tokens, nO)` goes out."""
