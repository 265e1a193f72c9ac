"""Train, and go on with a training that was interrupted."""

import logging
from pathlib import Path

import typer
from spacy.cli._util import (
    Arg,
    Opt,
    import_code,
    parse_config_overrides,
    setup_gpu,
    show_validation_error,
)
from spacy.training.initialize import init_nlp
from spacy.util import load_config, logger
from thinc.api import ConfigValidationError
from wasabi import msg

from ..training.resumable import CHECKPOINT, ResumableTraining, ResumeError
from .messages import fail

EXAMPLES = """
python -m spacy rnn train config.cfg --output training
python -m spacy rnn train config.cfg --output training --resume
"""


def train_cli(
    ctx: typer.Context,
    config_path: Path = Arg(
        ..., help="Config of the training, - for standard input", exists=True, allow_dash=True
    ),
    output_path: Path = Opt(
        ..., "--output", "--output-path", "-o", help="Folder for models and the checkpoint"
    ),
    resume: bool = Opt(
        False, "--resume", "-r", help="Continue from the checkpoint in the folder, if any"
    ),
    code_path: Path | None = Opt(
        None, "--code", "-c", help="Python file with registered functions, imported first"
    ),
    verbose: bool = Opt(
        False, "--verbose", "-V", "-VV", help="Show debug messages, and tracebacks of errors"
    ),
    use_gpu: int = Opt(-1, "--gpu-id", "-g", help="GPU to use, -1 for the CPU"),
) -> None:
    """Train a pipeline that can be interrupted and resumed.

    Trains as spacy train does, with the same overrides, such as
    --training.max_steps 100. A resumed training ends with the same weights as
    one that was never interrupted.
    """
    if verbose:
        logger.setLevel(logging.DEBUG)
    overrides = parse_config_overrides(ctx.args)
    import_code(code_path)
    setup_gpu(use_gpu)
    with show_validation_error(config_path):
        config = load_config(config_path, overrides=overrides, interpolate=False)
    code = code_path.read_bytes() if code_path else b""
    try:
        training = ResumableTraining(config, output_path, code=code, resume=resume)
        if resume and not training.resumed_step:
            msg.info(f"No checkpoint in {output_path}: beginning with the first step")
        elif not resume and (output_path / CHECKPOINT).exists():
            msg.warn(f"Starting over: replacing the checkpoint in {output_path}")
        with show_validation_error(config_path, hint_fill=False):
            try:
                nlp = init_nlp(config, use_gpu=use_gpu)
            except (OSError, ValueError) as error:
                if verbose or isinstance(error, ConfigValidationError):
                    raise
                fail("Could not initialize the pipeline", f"{error}\n(--verbose: with traceback)")
        training.run(nlp, use_gpu=use_gpu)
    except ResumeError as error:
        fail("Could not resume", error)
