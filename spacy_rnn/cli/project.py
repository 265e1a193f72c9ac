"""Make an annotated corpus of one language from one of another language."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from spacy.cli._util import Arg, Opt
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from wasabi import Printer

from ..checks import check_choice, check_count
from ..progress import track
from ..training.atomic import replace_file
from ..training.examples import read_docs
from ..training.readers.registry import list_formats
from .messages import fail, unquote, warn
from .models import join_ensemble, load_translator
from .outputs import check_corpus_output, check_outputs

if TYPE_CHECKING:
    from ..pipeline.translator.component import RecurrentTranslator

ON_UNPROJECTED = ("keep", "skip")

EXAMPLES = """
python -m spacy rnn project training/model-best english.spacy german.spacy
python -m spacy rnn project training/model-best train.conll german.spacy \\
    --lang de --on-unprojected skip
"""


def project_cli(
    model: str = Arg(..., help="Pipeline with a translator: the name of a package, or a folder"),
    source: str = Arg(..., help="Annotated corpus in a format that convert reads"),
    output: Path = Arg(..., help="The .spacy file to write"),
    lang: str | None = Opt(
        None,
        "--lang",
        "-l",
        help="Language of the translations, whose tokenizer is used, instead of the translator's "
        "trg_lang",
    ),
    on_unprojected: str = Opt(
        "keep",
        "--on-unprojected",
        help="Texts with an entity or span that has no place in the translation: keep, skip",
    ),
    format: str | None = Opt(
        None, "--format", "-f", help=f"Format, if not that of the suffix: {list_formats()}"
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
        1000, "--batch-size", "-b", help="Number of texts to read ahead and sort by length"
    ),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU to use, -1 for the CPU"),
) -> None:
    """Translate an annotated corpus, with its annotations.

    Entities, spans and the ends of sentences follow the alignment of the
    translations, categories stay. Only the translator is run: what other
    components of its pipeline would find is not in the corpus.
    """
    source = unquote(source)
    try:
        check_outputs([output], [model, *(ensemble or []), source])
        check_count("limit", limit, 0)
        check_count("batch_size", batch_size, 1)
        nlp, translator = load_translator(model, component, gpu_id)
        join_ensemble(translator, ensemble or [], gpu_id)
        docs = read_docs(
            nlp, source, translation=False, format=format, limit=limit, warn=cache(warn)
        )
        project_corpus(
            nlp,
            translator,
            docs,
            output,
            lang=lang,
            on_unprojected=on_unprojected,
            batch_size=batch_size,
            silent=False,
        )
    except (ImportError, OSError, ValueError) as error:
        fail(f"{source} was not projected", error)


def project_corpus(
    nlp: Language,
    translator: "RecurrentTranslator",
    docs: Iterable[Doc],
    output: Path,
    *,
    lang: str | None = None,
    on_unprojected: str = "keep",
    batch_size: int = 1000,
    silent: bool = True,
) -> int:
    """Write the translations of annotated documents, with their annotations.

    nlp (Language): The pipeline of the translator.
    translator (RecurrentTranslator): The translator.
    docs (Iterable[Doc]): The documents.
    output (Path): The .spacy file to write.
    lang (str | None): The language whose tokenizer makes the tokens; None for `trg_lang` of the
        translator.
    on_unprojected (str): What happens to documents with an entity or a span that has no place in
        the translation: "keep" or "skip".
    batch_size (int): The number of documents to read ahead.
    silent (bool): Whether to print nothing.
    RETURNS (int): The number of documents written.
    RAISES (ValueError): If a setting is wrong, or there is nothing to write.
    RAISES (OSError): If a file cannot be read or written.
    """
    from ..pipeline.translator.projection import (
        UNPROJECTED,
        blank_pipeline,
        check_language,
        project,
    )

    check_corpus_output(output)
    check_choice("on_unprojected", on_unprojected, ON_UNPROJECTED)
    check_language("lang", lang)
    make_doc = blank_pipeline(lang or translator.trg_lang or "xx").make_doc
    printer = Printer(no_print=silent)
    corpus = DocBin()
    found = lacking = blank = incomplete = 0
    for doc in track(_translate(nlp, translator, docs, batch_size), "Projecting"):
        if not doc._.get(translator.attr).strip():
            blank += 1
            continue
        target = project(doc, make_doc, translator.attr)
        unprojected = target._.get(UNPROJECTED)
        found += len(doc.ents) + sum(map(len, doc.spans.values()))
        lacking += len(unprojected)
        incomplete += bool(unprojected)
        if not unprojected or on_unprojected == "keep":
            corpus.add(target)
    if not len(corpus):
        raise ValueError("There is no text to write: name a corpus with other texts")
    replace_file(output, corpus.to_bytes())
    if blank:
        printer.warn(f"Texts without a translation, which were left out: {blank}")
    if lacking:
        what = "left out" if on_unprojected == "skip" else "kept without them"
        printer.warn(
            f"Entities and spans without a place in the translation: {lacking} of {found}. Texts "
            f"that have them, {incomplete}, were {what}"
        )
    printer.good(f"Documents written to {output}: {len(corpus)}")
    return len(corpus)


def _translate(
    nlp: Language, translator: "RecurrentTranslator", docs: Iterable[Doc], batch_size: int
) -> Iterator[Doc]:
    """Run the translator, and the components whose vectors it reads, without all others."""
    vectors = [name for name, pipe in nlp.pipeline if hasattr(pipe, "listening_components")]
    settings = {translator.name: {"detail": "alignments"}}
    with nlp.select_pipes(enable=[*vectors, translator.name]):
        yield from nlp.pipe(docs, batch_size=batch_size, component_cfg=settings)
