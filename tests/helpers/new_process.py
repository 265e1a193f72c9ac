"""Python in a new process, which ends with all that it started."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

SCRIPTS = Path(__file__).parent


def run_script(name: str, *arguments: str | Path, **options) -> str:
    """Run a script of this folder and give what it printed."""
    return run_python(SCRIPTS / name, *arguments, **options)


def run_python(*arguments: str | Path, timeout: float = 120, folders: Iterable[Path] = ()) -> str:
    """Run Python and give what it printed; fail if it fails or takes too long.

    The folders go before all others on the path on which Python finds packages.
    """
    path = [*folders, *filter(None, [os.environ.get("PYTHONPATH")])]
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf8",
        cwd=SCRIPTS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONUTF8": "1"},
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        finally:
            _end(process)
    assert process.returncode == 0, output + errors
    return output


def _end(process: subprocess.Popen) -> None:
    """End a process and its workers: those that hang outlive it and keep its pipes open."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
