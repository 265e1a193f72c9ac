"""The commands under `python -m spacy rnn`."""

import typer
from spacy.cli._util import app as spacy_app

from .convert import convert_cli
from .evaluate import evaluate_cli
from .translate import translate_cli

app = typer.Typer(name="rnn", help="Translation with recurrent networks.", no_args_is_help=True)
app.command("convert")(convert_cli)
app.command("translate")(translate_cli)
app.command("evaluate")(evaluate_cli)
spacy_app.add_typer(app)
