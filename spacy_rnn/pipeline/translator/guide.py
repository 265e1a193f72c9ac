"""What guides the attention of a translator in training: alignments of the training data."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from spacy.training import Example
from spacy.util import minibatch
from thinc.api import Model

from ...bridge.access import network_shim
from ...checks import check_at_least
from ...metrics.common import references_of
from ...text.aligner import Aligner, Pieces
from ...text.subwords import Subwords
from ...types import Guide
from ..examples import track_examples
from .subwords import reads_subwords, source_subwords, target_subwords

BATCH = 1000
"""Examples that are cut into pieces at once."""


def check_guide(model: Model, weight: float) -> None:
    """Refuse a weight of guided alignment that is out of its bounds, or that has no effect.

    model (Model): `spacy-rnn.Seq2Seq.v1`.
    weight (float): The weight.
    RAISES (ValueError): If it is below 0, or if it is more and the encoder reads tokens or there
        is no attention.
    """
    check_at_least("guided_alignment", weight, 0.0)
    if not weight:
        return
    if not reads_subwords(model):
        raise ValueError(
            f"guided_alignment is {weight}, but the encoder reads tokens, which are not aligned: "
            f"set it to 0, or choose spacy-rnn.subword_encoder.v1"
        )
    decoder = cast(Any, network_shim(model).network).decoder
    if decoder.attention is None:
        raise ValueError(
            f"guided_alignment is {weight}, but there is no attention to guide: set it to 0, or "
            f"choose an attention, such as spacy-rnn.additive_attention.v1"
        )


class Alignments:
    """Learns to align the training data.

    model (Model): `spacy-rnn.Seq2Seq.v1`, which has its vocabularies.
    get_examples (Callable[[], Iterable[Example]]): Returns the training data.
    attr (str): The custom attribute of references that holds their translation.
    RAISES (ValueError): If there are no translations.
    """

    def __init__(self, model: Model, get_examples: Callable[[], Iterable[Example]], attr: str):
        source, target = cast(Subwords, source_subwords(model)), target_subwords(model)

        def read() -> Iterator[tuple[Pieces, Pieces]]:
            examples = track_examples(get_examples, "Aligning pairs")
            pairs = (
                (example.predicted, references[0])
                for example in examples
                if (references := references_of(example, attr))
            )
            for batch in minibatch(pairs, BATCH):
                docs, texts = zip(*batch, strict=True)
                sources = map(model.ops.to_numpy, model.get_ref("source").predict([*docs]))
                yield from zip(sources, target.encode([*texts]), strict=True)

        self._aligner = Aligner(read(), len(source), len(target))
        self._vocabularies = source, target

    def fit(self, model: Model) -> bool:
        """Whether a model, which may have been loaded since, has the same vocabularies.

        model (Model): The model.
        RETURNS (bool): Whether it has.
        """
        return self._vocabularies == (source_subwords(model), target_subwords(model))

    def make_guide(self, weight: float) -> Guide:
        """Make a guide.

        weight (float): The weight of guided alignment.
        RETURNS (Guide): Aligns the pairs of a batch.
        """
        return lambda sources, targets: weight * self._aligner.align(sources, targets)
