"""The commands under `python -m spacy rnn`."""

import typer
from spacy.cli._util import app as spacy_app

from .anomalies import find_anomalies_cli
from .convert import convert_cli
from .evaluate import evaluate_cli
from .info import info_cli
from .report import report_cli
from .train import train_cli
from .translate import translate_cli

HELP = "Recurrent networks: corpora, training, evaluation, translation, reports, facts on models."
EXTRA = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(name="rnn", help=HELP, no_args_is_help=True)
app.command("convert")(convert_cli)
app.command("evaluate")(evaluate_cli)
app.command("info")(info_cli)
app.command("report")(report_cli)
app.command("train", context_settings=EXTRA)(train_cli)
app.command("translate")(translate_cli)
app.command("find-anomalies")(find_anomalies_cli)
spacy_app.add_typer(app)
