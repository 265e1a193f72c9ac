"""Corpora that commands read more than once: first to learn what they are, then to work."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial

from spacy.language import Language
from spacy.training import Example

from ..checks import check_count
from ..metrics.common import references_of
from ..training.examples import read_examples
from ..training.fingerprint import Fingerprint
from ..training.readers.base import LineReader, logger
from ..training.readers.registry import find_reader


def open_corpus(
    nlp: Language,
    source: str,
    targets: list[str],
    attr: str,
    *,
    format: str | None = None,
    limit: int = 0,
    warn: Callable[[str], object] = logger.warning,
) -> Callable[[], Iterator[Example]]:
    """Prepare to read a corpus as often as needed.

    nlp (Language): The pipeline whose tokenizer splits the texts.
    source (str): The corpus, as for `read_examples`. A file of lines without a target has texts
        alone.
    targets (list[str]): The files of its translations, if it is lines of text.
    attr (str): The custom attribute for translations.
    format (str | None): The format of the corpus; None for that of its suffix.
    limit (int): The maximum number of texts, 0 for all.
    warn (Callable[[str], object]): Called with each warning, once.
    RETURNS (Callable[[], Iterator[Example]]): A function that starts to read from the first text.
    RAISES (ValueError): If there is no such format, or a setting is out of its bounds.
    """
    check_count("limit", limit, 0)
    return partial(
        read_examples,
        nlp,
        source,
        targets or None,
        translation=bool(targets) or not isinstance(find_reader(source, format), LineReader),
        format=format,
        attr=attr,
        limit=limit,
        on_empty="keep",
        warn=cache(warn),
    )


def has_text(example: Example) -> bool:
    """Whether the text of an example is more than white space.

    example (Example): The example.
    RETURNS (bool): Whether it is.
    """
    return bool(example.reference.text.strip())


def survey_corpus(
    examples: Iterable[Example], attr: str, needs_all: bool, needs_any: bool
) -> tuple[Fingerprint, int]:
    """Read a corpus, and refuse it if it lacks references that are needed.

    examples (Iterable[Example]): The corpus.
    attr (str): The custom attribute of references.
    needs_all (bool): Whether each text needs a reference.
    needs_any (bool): Whether some text needs one.
    RETURNS (tuple[Fingerprint, int]): The fingerprint of what has text, and the number of
        documents that are white space alone.
    RAISES (ValueError): If it has no texts, or not the references.
    """
    fingerprint = Fingerprint()
    blank = lacking = 0
    attributes: set[str] = set()
    for example in examples:
        if not has_text(example):
            blank += 1
            continue
        fingerprint.add(example.reference)
        attributes.update(key[1] for key in example.reference.user_data if key[0] == "._.")
        lacking += not any(map(str.strip, references_of(example, attr)))
    texts = fingerprint.documents
    if not texts:
        raise ValueError("The corpus has no texts: name another file, or convert it anew")
    if lacking and (needs_all or (needs_any and lacking == texts)):
        option, way_out = "--with-reference", "leave that out"
        if needs_all:
            option, way_out = "--keep closest", "choose --keep best"
        others = f"--attr (there is {', '.join(sorted(attributes)) or 'none'})"
        raise ValueError(
            f"{lacking} of {texts} texts have no reference in doc._.{attr}, which {option} needs: "
            f"name the attribute that holds them with {others}, or {way_out}"
        )
    return fingerprint, blank
