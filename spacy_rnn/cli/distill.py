"""Have a translator make the corpus that another one learns from."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from spacy.cli._util import Arg, Opt
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from wasabi import Printer

from ..checks import check_count
from ..extensions import ensure_extension
from ..generation.search import SamplingSearch
from ..metrics.common import references_of
from ..metrics.translation import tokenization_of
from ..progress import track
from ..training.distillation import create_keep
from ..training.examples import read_examples
from ..training.fingerprint import Fingerprint
from ..training.parts import PartialCorpus
from ..training.readers.base import LineReader, logger
from ..training.readers.registry import find_reader, list_formats
from .messages import fail, unquote_corpus, warn
from .models import join_ensemble, load_translator, search_settings

if TYPE_CHECKING:
    from ..pipeline.translator.component import RecurrentTranslator

EXAMPLES = """
python -m spacy rnn distill teacher/model-best train.spacy distilled.spacy
python -m spacy rnn distill teacher/model-best train.en train.de new.spacy \\
    --beam-width 8 --n-best 8 --metric chrf --with-reference
python -m spacy rnn distill teacher/model-best texts.txt new.spacy --keep best
"""


def distill_cli(
    teacher: str = Arg(..., help="Pipeline with a translator: the name of a package, or a folder"),
    paths: list[str] = Arg(
        ...,
        metavar="SOURCE [TARGET]... OUTPUT",
        help="Corpus in a format that convert reads, the files of its translations if it is "
        "lines of text, and last the .spacy file to write",
    ),
    keep: str = Opt(
        "closest",
        "--keep",
        "-k",
        help="Translation to keep of each text: closest (of the n best the one closest to the "
        "reference), best (the first), all (the n best, each as often as it is probable)",
    ),
    metric: str = Opt(
        "bleu", "--metric", help="How close a translation is to the reference: bleu, chrf"
    ),
    n_best: int = Opt(5, "--n-best", help="Number of translations to choose among"),
    beam_width: int | None = Opt(
        None,
        "--beam-width",
        "-w",
        help="Beam width; by default the translator's own, or --n-best if that is more",
    ),
    with_reference: bool = Opt(
        False, "--with-reference", help="Write the original pairs as well, each before the new one"
    ),
    format: str | None = Opt(
        None, "--format", "-f", help=f"Format, if not that of the suffix: {list_formats()}"
    ),
    attr: str | None = Opt(
        None,
        "--attr",
        help="Custom attribute for translations in the corpora; by default the translator's own",
    ),
    limit: int = Opt(0, "--limit", "-n", help="Maximum number of texts, 0 for all"),
    ensemble: list[str] | None = Opt(
        None,
        "--ensemble",
        "-e",
        help="Another pipeline that translates together with the first; repeat for several",
    ),
    component: str | None = Opt(None, "--component", help="Translator, if there are several"),
    batch_size: int = Opt(
        1024, "--batch-size", "-b", help="Number of texts to read ahead, and to store as a part"
    ),
    threads: int | None = Opt(
        None, "--threads", help="Batches to translate at once, instead of the translator's own"
    ),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU to use, -1 for the CPU"),
) -> None:
    """Make a corpus of a teacher's translations, for a student to learn from.

    What is done is stored in parts beside the output. After an interruption
    the same command goes on from there, to the same file.
    """
    source, *targets, output = unquote_corpus(paths, "Nothing was distilled")
    try:
        nlp, translator = load_translator(teacher, component, gpu_id)
        join_ensemble(translator, ensemble or [], gpu_id)
        attr = attr or translator.attr
        ensure_extension(attr)
        distill(
            nlp,
            translator,
            open_corpus(nlp, source, targets, attr, format=format, limit=limit, warn=warn),
            Path(output),
            keep=keep,
            metric=metric,
            n_best=n_best,
            beam_width=beam_width,
            with_reference=with_reference,
            attr=attr,
            batch_size=batch_size,
            threads=threads,
            silent=False,
        )
    except (ImportError, OSError, ValueError) as error:
        fail(f"{source} was not distilled", error)


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


def distill(
    nlp: Language,
    translator: "RecurrentTranslator",
    read: Callable[[], Iterable[Example]],
    output: Path,
    *,
    keep: str = "closest",
    metric: str = "bleu",
    n_best: int = 5,
    beam_width: int | None = None,
    with_reference: bool = False,
    attr: str | None = None,
    batch_size: int = 1024,
    threads: int | None = None,
    silent: bool = True,
) -> int:
    """Write a corpus of a teacher's translations.

    nlp (Language): The teacher's pipeline.
    translator (RecurrentTranslator): The teacher.
    read (Callable[[], Iterable[Example]]): Starts to read the corpus from the first text.
    output (Path): The file to write.
    keep (str): What to keep of the n best translations of a text, as in `create_keep`.
    metric (str): The metric by which a translation is close to the reference.
    n_best (int): The number of translations to choose among.
    beam_width (int | None): The beam width; None for the teacher's own, or `n_best` if that is
        more.
    with_reference (bool): Whether to write the original pairs as well.
    attr (str | None): The custom attribute for translations in both corpora; None for the
        teacher's own.
    batch_size (int): The number of texts to read ahead, and to store as a part.
    threads (int | None): The number of batches to translate at once; None for the teacher's own.
    silent (bool): Whether to print nothing.
    RETURNS (int): The number of pairs written.
    RAISES (ValueError): If a setting is wrong, the corpus has a fault or lacks references that
        are needed, or there are parts of another distillation.
    RAISES (OSError): If a file cannot be read or written.
    """
    if output.suffix != ".spacy":
        raise ValueError(f"{str(output)!r} does not end with .spacy: name the file to write last")
    check_count("n_best", n_best, 1)
    check_count("batch_size", batch_size, 1)
    attr = attr or translator.attr
    choose = create_keep(keep, n_best, metric, tokenization_of(translator.scorer))
    settings = search_settings(translator, 1 if keep == "best" else n_best, beam_width)
    if isinstance(translator.search, SamplingSearch) and translator.search.seed is None:
        raise ValueError(
            f"The search of {translator.name} draws anew each time, so that a distillation could "
            f"not be resumed: set its seed, or choose another search"
        )
    printer = Printer(no_print=silent)
    corpus, blank = _survey(
        track(read(), "Reading the corpus"), attr, keep == "closest", with_reference
    )
    parts = PartialCorpus(
        output,
        {
            "teacher": _digest(nlp),
            "ensemble": [*map(_digest, translator.ensemble)],
            "component": translator.name,
            "search": f"{translator.search} {settings}",
            "keep": keep,
            "metric": metric,
            "with_reference": with_reference,
            "attr": attr,
            "batch_size": batch_size,
            "corpus": corpus.to_dict(),
        },
    )
    done = parts.count * batch_size
    if done:
        printer.info(f"Going on after {done} of {corpus.documents} texts")

    def choose_pairs(translated: Iterable[tuple[Doc, Example]]) -> Iterator[Doc]:
        """Yield references once for each of the translations that they get."""
        for doc, example in translated:
            reference, references = example.reference, references_of(example, attr)
            if with_reference and references:
                yield reference
            translations = doc._.get(f"{translator.attr}s")
            translations = [each for each in translations if each["text"].strip()]
            parts.left_out += not translations
            for text in choose(translations, references) if translations else ():
                reference._.set(attr, text)
                yield reference

    rest = islice(filter(_has_text, read()), done, None)
    translated = nlp.pipe(
        ((example.predicted, example) for example in rest),
        as_tuples=True,
        batch_size=batch_size,
        component_cfg={
            translator.name: {
                **settings,
                "detail": "scores" if keep == "all" else "text",
                "threads": translator.threads if threads is None else threads,
            }
        },
    )
    progress = track(translated, "Distilling", corpus.documents - done)
    for part in minibatch(progress, batch_size):
        parts.add(choose_pairs(part))
    left_out, pairs = parts.left_out, parts.join()
    if blank:
        printer.warn(f"Texts of white space alone, which were left out: {blank}")
    if left_out:
        printer.warn(f"Texts whose translations are all empty, which were left out: {left_out}")
    printer.good(f"Pairs written to {output}: {pairs}")
    return pairs


def _digest(model: "Language | RecurrentTranslator") -> str:
    return blake2b(model.to_bytes(exclude=["vocab"]), digest_size=16).hexdigest()


def _has_text(example: Example) -> bool:
    return bool(example.reference.text.strip())


def _survey(
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
        if not _has_text(example):
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
