"""Vocabularies of a translator."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from spacy.training import Example
from thinc.api import Model

from ...bridge.access import network_shim
from ...metrics.common import references_of
from ...text.subwords import Subwords, load_subwords, parse_subwords
from ..examples import track_examples
from ..missing import DROPPED_USER_DATA

SIDES = ("source", "target")

LearnSubwords = Callable[[Iterable[str]], Subwords]
"""Learns a vocabulary from texts."""


def learn_vocabularies(
    get_examples: Callable[[], Iterable[Example]],
    attr: str,
    learn: LearnSubwords,
    *,
    reads_subwords: bool = True,
    shared: bool = True,
) -> tuple[Subwords, Subwords]:
    """Learn the vocabularies of source and target.

    get_examples (Callable[[], Iterable[Example]]): Returns the training data.
    attr (str): The custom attribute of references that holds their translation.
    learn (LearnSubwords): Learns a vocabulary from texts.
    reads_subwords (bool): Whether the encoder reads subwords, and not tokens.
    shared (bool): Whether source and target share one vocabulary.
    RETURNS (tuple[Subwords, Subwords]): The source vocabulary, or the target vocabulary if the
        source needs none or shares it; and the target vocabulary.
    RAISES (ValueError): If there are no translations.
    """

    def read() -> Iterator[Example]:
        return track_examples(get_examples, "Reading texts for a vocabulary of subwords")

    def sources() -> Iterator[str]:
        return (example.reference.text for example in read())

    def targets() -> Iterator[str]:
        for example in read():
            yield from references_of(example, attr)

    if next(targets(), None) is None:
        raise ValueError(
            f"No example has a translation in reference._.{attr}, so that no vocabulary can be "
            f"learned: read parallel text with spacy-rnn.ParallelCorpus.v1, or set attr to the "
            f"attribute that holds the translations. {DROPPED_USER_DATA}"
        )
    if reads_subwords and not shared:
        return learn(sources()), learn(targets())
    subwords = learn(chain(sources(), targets()) if reads_subwords else targets())
    return subwords, subwords


def reads_subwords(model: Model) -> bool:
    """Whether the encoder of a translator reads subwords, and not tokens.

    model (Model): `spacy-rnn.Seq2Seq.v1`.
    RETURNS (bool): Whether it does.
    """
    return "subwords" in model.get_ref("source").attrs


def source_subwords(model: Model) -> Subwords | None:
    """Return the source vocabulary.

    model (Model): `spacy-rnn.Seq2Seq.v1`.
    RETURNS (Subwords | None): The vocabulary. None if the encoder reads tokens.
    RAISES (ValueError): If there is none yet.
    """
    if not reads_subwords(model):
        return None
    return load_subwords(model.get_ref("source").attrs["subwords"])


def target_subwords(model: Model) -> Subwords:
    """Return the target vocabulary.

    model (Model): `spacy-rnn.Seq2Seq.v1`.
    RETURNS (Subwords): The vocabulary.
    RAISES (ValueError): If there is none yet.
    """
    return load_subwords(model.attrs["subwords"])


def write_labels(source: Subwords | None, target: Subwords) -> dict[str, str]:
    """Write vocabularies as the labels of a component.

    source (Subwords | None): The source vocabulary. None if the encoder reads tokens.
    target (Subwords): The target vocabulary.
    RETURNS (dict[str, str]): "source" and "target"; without a source vocabulary twice the same.
    """
    return {
        side: subwords.to_bytes().hex()
        for side, subwords in zip(SIDES, (source or target, target), strict=True)
    }


def read_labels(labels: dict[str, str]) -> tuple[Subwords, Subwords]:
    """Read the labels of a component.

    labels (dict[str, str]): What `write_labels` returned.
    RETURNS (tuple[Subwords, Subwords]): The vocabularies of source and target.
    RAISES (ValueError): If these are no vocabularies.
    """
    if not isinstance(labels, dict) or labels.keys() != set(SIDES):
        raise ValueError(
            f"The labels of a translator are its vocabularies, a dictionary with the keys "
            f"{' and '.join(SIDES)}, but these are {labels!r:.80}: write them by spacy init "
            f"labels"
        )
    source, target = (parse_subwords(labels[side]) for side in SIDES)
    return source, target


def check_vocabularies(model: Model) -> None:
    """Refuse vocabularies that do not fit each other or the weights.

    model (Model): `spacy-rnn.Seq2Seq.v1`, as it was loaded.
    RAISES (ValueError): If they do not.
    """
    dims = network_shim(model).dims
    target, source = target_subwords(model), source_subwords(model)
    if source is not None and model.attrs["tied_embeddings"] and source != target:
        raise ValueError(
            "source and target share their embeddings, but not their vocabulary: restore the "
            "model from where it was copied"
        )
    sizes = {"target_pieces": target} | ({} if source is None else {"source_pieces": source})
    for dim, subwords in sizes.items():
        subwords.check()
        if len(subwords) != dims[dim]:
            raise ValueError(
                f"the weights have {dim} = {dims[dim]}, but the vocabulary has {len(subwords)}: "
                f"load vocabulary and weights of one model"
            )


def check_joinable(name: str, model: Model, other_name: str, other: Model) -> None:
    """Refuse a translator that cannot translate together with another one.

    name (str): The name of the component that comes first.
    model (Model): Its model.
    other_name (str): The name of the other one.
    other (Model): Its model.
    RAISES (ValueError): If it has another target vocabulary, or reads tokens.
    """
    difference = find_difference(target_subwords(other), target_subwords(model))
    if difference is not None:
        raise ValueError(
            f"{other_name} has another target vocabulary than {name}: {difference}. Train both "
            f"with the vocabularies that spacy init labels writes"
        )
    if not reads_subwords(other):
        raise ValueError(
            f"{other_name} reads tokens by an encoder of its own pipeline, and not subwords: "
            f"begin the ensemble with it"
        )


def find_difference(subwords: Subwords, other: Subwords) -> str | None:
    """Find out in what the pieces of two vocabularies differ.

    subwords (Subwords): A vocabulary.
    other (Subwords): Another one.
    RETURNS (str | None): Their sizes or the first pieces that differ; None if all are the same.
    """
    if len(subwords) != len(other):
        return f"{len(subwords)} pieces where there are {len(other)}"
    names = (each.to_pieces([*range(len(each))]) for each in (subwords, other))
    for number, (one, two) in enumerate(zip(*names, strict=True)):
        if one != two:
            return f"piece {number} is {one!r} where it is {two!r}"
    return None
