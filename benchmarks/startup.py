"""Measure what the plugin adds to the start of every spaCy program.

    python benchmarks/startup.py

Runs `spacy.blank("en")` in fresh processes, in turn with and without the plugin's entry
points, and prints the medians.
"""

import argparse
import statistics
import subprocess
import sys
import time

# Both programs read the name of each installed package, so that both pay for it.
PROGRAM = """
import importlib.metadata as metadata
distributions = metadata.distributions
metadata.distributions = lambda: [each for each in distributions() if each.name != "{hidden}"]
import spacy
spacy.blank("en")
"""


def main() -> None:
    """Time both programs in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(rounds):
        for name, hidden in [("with", "nothing"), ("without", "spacy-rnn")]:
            program = [sys.executable, "-c", PROGRAM.format(hidden=hidden)]
            start = time.perf_counter()
            subprocess.run(program, check=True)
            seconds[name].append(time.perf_counter() - start)
    with_plugin, without = (statistics.median(seconds[name]) for name in ("with", "without"))
    print(
        f"with {with_plugin * 1000:.0f} ms, without {without * 1000:.0f} ms: "
        f"{(with_plugin - without) * 1000:+.0f} ms"
    )


if __name__ == "__main__":
    main()
