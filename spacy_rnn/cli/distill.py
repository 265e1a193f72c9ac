"""Have a translator make the corpus that another one learns from."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from ..training.distillation import Keep, create_keep
from ..training.parts import PartialCorpus
from ..training.readers.registry import list_formats
from .corpora import has_text, open_corpus, survey_corpus
from .messages import fail, unquote_corpus, warn
from .models import join_ensemble, load_translator, search_settings
from .outputs import check_corpus_output, check_outputs

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
        check_outputs([output], [teacher, *(ensemble or []), source, *targets])
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
    check_corpus_output(output)
    check_count("n_best", n_best, 1)
    check_count("batch_size", batch_size, 1)
    attr = attr or translator.attr
    choose = create_keep(keep, n_best, metric, tokenization_of(translator.scorer))
    settings = _search_settings(translator, 1 if keep == "best" else n_best, beam_width)
    printer = Printer(no_print=silent)
    corpus, blank = survey_corpus(
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
    settings["detail"] = "scores" if keep == "all" else "text"
    settings["threads"] = translator.threads if threads is None else threads
    with _interruptible(parts, batch_size, corpus.documents, printer) as done:
        rest = islice(filter(has_text, read()), done, None)
        translated = nlp.pipe(
            ((example.predicted, example) for example in rest),
            as_tuples=True,
            batch_size=batch_size,
            component_cfg={translator.name: settings},
        )
        with closing(track(translated, "Distilling", corpus.documents - done)) as progress:
            for part in minibatch(progress, batch_size):
                parts.add(
                    _choose_pairs(part, parts, choose, f"{translator.attr}s", attr, with_reference)
                )
        left_out, pairs = parts.left_out, parts.join()
    if blank:
        printer.warn(f"Texts of white space alone, which were left out: {blank}")
    if left_out:
        printer.warn(f"Texts whose translations are all empty, which were left out: {left_out}")
    printer.good(f"Pairs written to {output}: {pairs}")
    return pairs


def _search_settings(
    translator: "RecurrentTranslator", n_best: int, beam_width: int | None
) -> dict[str, Any]:
    """Return the settings of the search, which has to find the same when it is resumed."""
    if isinstance(translator.search, SamplingSearch) and translator.search.seed is None:
        raise ValueError(
            f"The search of {translator.name} draws anew each time, so that a distillation could "
            f"not be resumed: set its seed, or choose another search"
        )
    return search_settings(translator, n_best, beam_width)


@contextmanager
def _interruptible(
    parts: PartialCorpus, batch_size: int, texts: int, printer: Printer
) -> Iterator[int]:
    """Say where a distillation goes on, and after an interruption how to.

    parts (PartialCorpus): What is stored.
    batch_size (int): The number of texts of a part.
    texts (int): The number of all texts.
    printer (Printer): Says it.
    YIELDS (int): The number of texts that are done.
    """
    done = parts.count * batch_size
    if done:
        printer.info(f"Going on after {min(done, texts)} of {texts} texts")
    try:
        yield done
    except KeyboardInterrupt:
        stored = min(parts.count * batch_size, texts)
        printer.warn(
            f"Interrupted: {stored} of {texts} texts are stored. The same command goes on"
        )
        raise


def _choose_pairs(
    translated: Iterable[tuple[Doc, Example]],
    parts: PartialCorpus,
    choose: Keep,
    source: str,
    attr: str,
    with_reference: bool,
) -> Iterator[Doc]:
    """Choose among the translations of texts.

    translated (Iterable[tuple[Doc, Example]]): Translated documents, and the examples that they
        are of.
    parts (PartialCorpus): Counts the texts that have no translation.
    choose (Keep): Chooses.
    source (str): The custom attribute that the translations are read from.
    attr (str): The one that they are written to.
    with_reference (bool): Whether each text comes with its reference first.
    YIELDS (Doc): The reference of an example, once for each of the translations that it gets.
    """
    for doc, example in translated:
        reference, references = example.reference, references_of(example, attr)
        if with_reference and references:
            yield reference
        translations = [each for each in doc._.get(source) if each["text"].strip()]
        parts.left_out += not translations
        for text in choose(translations, references) if translations else ():
            reference._.set(attr, text)
            yield reference


def _digest(model: "Language | RecurrentTranslator") -> str:
    return blake2b(model.to_bytes(exclude=["vocab"]), digest_size=16).hexdigest()
