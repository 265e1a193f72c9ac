"""The table of corpus formats. To add one, write a function that reads it and its entry here."""

from functools import partial
from pathlib import Path

from ...checks import check_choice
from ...text.bilingual.opening import open_tmx, open_xliff
from ...text.bilingual.po import PoFile
from .base import DocReader, LineReader, Reader, RecordReader, TranslationReader
from .bilingual import read_translations
from .bio import read_bio_docs
from .conllu import read_conllu
from .docs import read_doc_bin
from .files import read_lines, suffix_of
from .formats import read_csv, read_hub, read_jsonl, read_parquet, read_tsv
from .labelled import read_labelled

READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        LineReader("text", (".txt",), "a text in each line", read_lines),
        RecordReader(
            "tsv",
            (".tsv",),
            "columns with a tab between them",
            read_tsv,
            source_field=0,
            target_field=1,
            numbered=True,
        ),
        RecordReader(
            "csv",
            (".csv",),
            "columns with a comma between them, named in the first row",
            read_csv,
            numbered=True,
        ),
        RecordReader("jsonl", (".jsonl",), "a JSON object in each line", read_jsonl),
        RecordReader("parquet", (".parquet",), "Apache Parquet", read_parquet),
        RecordReader(
            "labelled",
            (),
            "a label, a space and a text in each line",
            read_labelled,
            target_field=None,
            label_field="label",
        ),
        *(
            TranslationReader(
                name, suffixes, contents, partial(read_translations, open_file), open=open_file
            )
            for name, suffixes, contents, open_file in (
                ("xliff", (".xlf", ".xliff"), "XLIFF 1.2, 2.0 and 2.1", open_xliff),
                ("tmx", (".tmx",), "translation memories, TMX 1.4", open_tmx),
                ("po", (".po", ".pot"), "catalogues of gettext", PoFile),
            )
        ),
        DocReader("bio", (".conll", ".bio"), "a token, a tab and a BIO tag", read_bio_docs),
        DocReader("conllu", (".conllu",), "CoNLL-U", read_conllu),
        DocReader("spacy", (".spacy",), "spaCy's binary format", read_doc_bin),
    )
}
"""Readers by the names of their formats."""

HUB = RecordReader("hub", (), "a data set of the Hugging Face hub", read_hub)
"""Reads what is no file: a split of a data set."""


def find_reader(path: str | Path, format: str | None = None) -> Reader:
    """Find the reader of a file.

    path (str | Path): The file. A suffix that no format has stands for plain text.
    format (str | None): The format, if it does not follow from the suffix.
    RETURNS (Reader): The reader.
    RAISES (ValueError): If there is no such format.
    """
    if format is not None:
        check_choice("format", format, tuple(READERS))
        return READERS[format]
    suffix = suffix_of(Path(path))
    return next(
        (reader for reader in READERS.values() if suffix in reader.suffixes), READERS["text"]
    )


def list_formats(kind: type[Reader] = Reader) -> str:
    """List formats for a message or a help text.

    kind (type[Reader]): The class of their readers.
    RETURNS (str): Their names, with the suffixes that stand for them.
    """
    return ", ".join(
        f"{reader.name} ({', '.join(reader.suffixes) or reader.contents})"
        for reader in READERS.values()
        if isinstance(reader, kind)
    )
