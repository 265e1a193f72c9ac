"""Train, and go on with a training that was interrupted."""

import logging
import sys
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
from wasabi import msg

from ..training.resumable import CHECKPOINT, ResumableTraining, ResumeError


def train_cli(
    ctx: typer.Context,
    config_path: Path = Arg(..., help="Config", exists=True, allow_dash=True),
    output_path: Path = Opt(
        ..., "--output", "--output-path", "-o", help="Folder for models and the checkpoint"
    ),
    resume: bool = Opt(False, "--resume", "-r", help="Go on from the checkpoint, if there is one"),
    code_path: Path | None = Opt(None, "--code", "-c", help="Python file to import before"),
    verbose: bool = Opt(False, "--verbose", "-V", "-VV", help="Show more information"),
    use_gpu: int = Opt(-1, "--gpu-id", "-g", help="GPU to use, -1 for the CPU"),
) -> None:
    """Train a pipeline as spacy train does, so that it can be resumed.

    Takes the same overrides, such as --training.max_steps 100. A resumed training ends with the
    weights of one that was never interrupted.
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
            nlp = init_nlp(config, use_gpu=use_gpu)
        training.run(nlp, use_gpu=use_gpu)
    except ResumeError as error:
        msg.fail("Could not resume")
        print(error, file=sys.stderr)  # As it is: wasabi breaks lines anywhere.
        sys.exit(1)
