"""Initial values that networks share."""

from torch import nn

from ..checks import check_count


def make_embedding(entries: int, width: int) -> nn.Embedding:
    """Make embeddings whose vectors have a length of about 1.

    entries (int): Entries of the vocabulary.
    width (int): Features of each.
    RETURNS (nn.Embedding): The embeddings.
    RAISES (ValueError): If they are to be without features.
    """
    check_count("embed_width", width, 1)
    embedding = nn.Embedding(entries, width)
    nn.init.normal_(embedding.weight, std=width**-0.5)
    return embedding
