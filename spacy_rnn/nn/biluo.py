"""Spans as tags: begin, in, last, unit, out."""

from typing import NamedTuple

import torch
from torch import Tensor

OUT = 0
BEGIN, IN, LAST, UNIT = 1, 2, 3, 4


class Rules(NamedTuple):
    """Which labels may stand where.

    transitions (Tensor): Whether the label of a column may follow that of a row, booleans
        of shape `(labels, labels)`.
    start (Tensor): Whether a sequence may start with a label, `(labels,)`.
    end (Tensor): Whether it may end with it, `(labels,)`.
    """

    transitions: Tensor
    start: Tensor
    end: Tensor


def anything_goes(labels: int) -> Rules:
    """Allow any label anywhere.

    labels (int): How many labels there are.
    RETURNS (Rules): The rules.
    """
    free = torch.ones(labels, dtype=torch.bool)
    return Rules(free.repeat(labels, 1), free, free)


def biluo_rules(tags: int) -> Rules:
    """Allow whole spans only, so that each sequence of tags is one set of spans.

    tags (int): How many tags there are: one for what is in no span, and four for each type
        of span, as `tag_of` numbers them.
    RETURNS (Rules): The rules.
    RAISES (ValueError): If there is no such number of types.
    """
    if tags % 4 != 1:
        raise ValueError(
            f"{tags} tags are not one for what is outside and four for each type of entity: "
            f"use 4 * types + 1"
        )
    tag = torch.arange(tags)
    kind = torch.where(tag == OUT, OUT, (tag - 1) % 4 + 1)
    inside = (kind == BEGIN) | (kind == IN)  # The span goes on after the tag.
    goes_on = (kind == IN) | (kind == LAST)  # The span went on before the tag.
    same = (tag[:, None] - 1) // 4 == (tag[None, :] - 1) // 4
    transitions = torch.where(inside[:, None], goes_on & same, ~goes_on)
    return Rules(transitions, ~goes_on, ~inside)


def tag_of(kind: int, span_type: int) -> int:
    """Number a tag.

    kind (int): BEGIN, IN, LAST or UNIT.
    span_type (int): The number of the span's type.
    RETURNS (int): The number of the tag.
    """
    return 4 * span_type + kind


def spans_of(tags: list[int]) -> list[tuple[int, int, int]]:
    """Read the spans of one sequence.

    tags (list[int]): Its tags, following the rules.
    RETURNS (list[tuple[int, int, int]]): First token, token after the last, and type of each.
    """
    spans = []
    start = 0
    for position, tag in enumerate(tags):
        if tag == OUT:
            continue
        span_type, kind = divmod(tag - 1, 4)
        if kind + 1 in (BEGIN, UNIT):
            start = position
        if kind + 1 in (LAST, UNIT):
            spans.append((start, position + 1, span_type))
    return spans
