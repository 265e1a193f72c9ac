"""A terminal to run commands in."""

import os
import struct
import subprocess
import sys

import pytest

COLUMNS = 100


def run_on_terminal(*arguments: object, errors_only: bool = False, **env: str) -> tuple[str, str]:
    """Run Python with standard error, and output unless it is apart, on a terminal.

    RETURNS (tuple[str, str]): What the terminal was given, and what was printed apart.
    """
    if sys.platform == "win32":
        pytest.skip("needs pseudo-terminals")
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if errors_only else theirs,
        stderr=theirs,
        env={**os.environ, **env},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # How Linux says that the other end is closed.
            break
        if not part:
            break
        shown += part
    os.close(ours)
    printed, _ = process.communicate(timeout=60)
    return shown.decode("utf8"), (printed or b"").decode("utf8")
