"""Whole documents with mark-up: HTML and XML in, the same with other words out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from spacy.language import Language
from spacy.tokens import Doc

from ....checks import check_choice
from ..tags import project_tags
from .html import find_html_runs, read_html
from .segments import AttributeValue, Segment, find_segments, find_values
from .tokens import Token
from .xml import find_xml_runs, read_xml

if TYPE_CHECKING:
    from ..component import RecurrentTranslator

MARKUPS = ("html", "xml")


class MarkedUp(NamedTuple):
    """A document with mark-up, of which some parts are translated. All others stay as they are.

    tokens (list[Token]): All that it is made of.
    parts (list[AttributeValue | Segment]): What is translated.
    """

    tokens: list[Token]
    parts: list[AttributeValue | Segment]

    @classmethod
    def read(cls, text: str, markup: str, attributes: Sequence[str] = ()) -> "MarkedUp":
        """Read a document.

        text (str): The document.
        markup (str): "html" or "xml".
        attributes (Sequence[str]): The names of attributes that are translated.
        RETURNS (MarkedUp): The document.
        RAISES (ValueError): If it is XML that is not well-formed.
        """
        check_choice("markup", markup, MARKUPS)
        if markup == "html":
            tokens, find_runs = read_html(text), find_html_runs
        else:
            tokens, find_runs = read_xml(text), find_xml_runs
        # A segment is written with the tags in it, so their attributes come first.
        values = find_values(tokens, attributes)
        return cls(tokens, [*values, *find_segments(tokens, find_runs(tokens))])

    def texts(self) -> Iterator[str]:
        """Go through what is to be translated.

        YIELDS (str): A text.
        """
        for part in self.parts:
            yield part.text

    def write(
        self,
        docs: Iterable[Doc],
        attr: str = "translation",
        make_doc: Callable[[str], Doc] | None = None,
    ) -> str:
        """Write the document with the translations of its texts.

        docs (Iterable[Doc]): The translated texts, in order.
        attr (str): The custom attribute that holds translations.
        make_doc (Callable[[str], Doc] | None): Makes the tokens of a translation; None for those
            of the translator's `trg_lang`.
        RETURNS (str): The document.
        """
        for part, doc in zip(self.parts, docs, strict=True):
            tags = project_tags(doc, part.tags, make_doc, attr) if part.tags else []
            part.write(self.tokens, doc._.get(attr), tags)
        return "".join(token.raw for token in self.tokens)


def translate_markup(
    nlp: Language,
    text: str,
    markup: str = "html",
    *,
    attributes: Sequence[str] = (),
    component: str = "rnn_translator",
    make_doc: Callable[[str], Doc] | None = None,
    batch_size: int = 1000,
    **settings: Any,
) -> str:
    """Translate a document with mark-up.

    Text is translated, and tags within it go where its words go. All else stays as it is.

    nlp (Language): A pipeline with a translator.
    text (str): The document, or a part of one.
    markup (str): "html" or "xml".
    attributes (Sequence[str]): The names of attributes whose values are translated too, such as
        "alt", "title" and "placeholder".
    component (str): The name of the translator.
    make_doc (Callable[[str], Doc] | None): Makes the tokens of a translation; None for those of
        the translator's `trg_lang`.
    batch_size (int): The number of texts to read ahead.
    settings (Any): Settings of the translator in this call, such as `beam_width`.
    RETURNS (str): The translated document.
    RAISES (ValueError): If it is XML that is not well-formed, or the translator has no attention.
    """
    document = MarkedUp.read(text, markup, attributes)
    translator = cast("RecurrentTranslator", nlp.get_pipe(component))
    docs = nlp.pipe(
        document.texts(),
        batch_size=batch_size,
        component_cfg={component: {**settings, "detail": "alignments"}},
    )
    return document.write(docs, translator.attr, make_doc)
