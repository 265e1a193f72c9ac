"""The commands under `python -m spacy rnn`."""

import typer
from spacy.cli._util import app as spacy_app

from . import (
    anomalies,
    average,
    completion,
    convert,
    distill,
    evaluate,
    info,
    project,
    quantize,
    report,
    train,
    translate,
)
from .pages import CommandPage, GroupPage

HELP = """Train and use recurrent networks in spaCy pipelines.

There are taggers, entity recognizers, text classifiers, language models and
translators. These commands read corpora, train, measure and apply them; configs,
packages and projects are spaCy's own.
"""
SEQUENCE = """
python -m spacy rnn convert train.tsv corpus/train.spacy
python -m spacy rnn convert dev.tsv corpus/dev.spacy
python -m spacy rnn train config.cfg --output training \\
    --paths.train corpus/train.spacy --paths.dev corpus/dev.spacy
python -m spacy rnn evaluate training/model-best dev.tsv
python -m spacy rnn translate training/model-best --text "Where is the bank?"
"""

# On a terminal spaCy's commands are plain, and so are these where they stand alone.
app = typer.Typer(
    name="rnn",
    help=HELP,
    epilog=SEQUENCE,
    cls=GroupPage,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
EXTRA = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command("convert", cls=CommandPage, epilog=convert.EXAMPLES)(convert.convert_cli)
app.command("train", cls=CommandPage, epilog=train.EXAMPLES, context_settings=EXTRA)(
    train.train_cli
)
app.command("average", cls=CommandPage, epilog=average.EXAMPLES)(average.average_cli)
app.command("distill", cls=CommandPage, epilog=distill.EXAMPLES)(distill.distill_cli)
app.command("evaluate", cls=CommandPage, epilog=evaluate.EXAMPLES)(evaluate.evaluate_cli)
app.command("report", cls=CommandPage, epilog=report.EXAMPLES)(report.report_cli)
app.command("info", cls=CommandPage, epilog=info.EXAMPLES)(info.info_cli)
app.command("quantize", cls=CommandPage, epilog=quantize.EXAMPLES)(quantize.quantize_cli)
app.command("translate", cls=CommandPage, epilog=translate.EXAMPLES)(translate.translate_cli)
app.command("project", cls=CommandPage, epilog=project.EXAMPLES)(project.project_cli)
app.command("find-anomalies", cls=CommandPage, epilog=anomalies.EXAMPLES)(
    anomalies.find_anomalies_cli
)
app.command("completion", cls=CommandPage, epilog=completion.EXAMPLES)(completion.completion_cli)
spacy_app.add_typer(app)
