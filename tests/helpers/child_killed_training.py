"""Train again and again, each time to die at the next write, rename or deletion of a checkpoint.

Arguments: a folder, the name of the callback or nothing, and the most trainings. Each has a
folder in it, and leaves what was there when it died.
"""

import io
import os
import sys
from pathlib import Path

import spacy
from spacy.training.loop import train
from stock_pipelines import make_examples

folder, callback = Path(sys.argv[1]), sys.argv[2]
# Of audit events, those that change the file system.
CHANGES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}
armed = {"output": None, "left": None}


def die(event, arguments):
    if armed["left"] is None or event not in CHANGES:
        return
    path = str(arguments[0])
    is_open = event == "open"
    if is_open and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax")):
        return
    if not is_open or path.startswith(armed["output"]):
        if armed["left"] == 0:
            armed["left"] = None
            if is_open:
                Path(path).write_bytes(b"torn")
            os._exit(9)
        armed["left"] -= 1


def make_logger():
    """Begin to count once there are checkpoints."""

    def set_up(nlp, stdout, stderr):
        def log_step(info):
            armed["left"] = armed["wanted"]

        return log_step, lambda: None

    return set_up


spacy.registry.loggers.register("test-arm.v1", func=make_logger)
spacy.registry.readers.register("test-corpus.v1", func=lambda: make_examples)
nlp = spacy.blank("en")
nlp.add_pipe("rnn_tagger", config={"model": {"tok2vec": {"embed": {"rows": [50] * 4}}}})
nlp.initialize(lambda: make_examples(nlp))
corpora = {"train": {"@readers": "test-corpus.v1"}, "dev": {"@readers": "test-corpus.v1"}}
training = {
    "seed": 0,
    "max_steps": 1,
    "eval_frequency": 1,
    "logger": {"@loggers": "test-arm.v1"},
    "score_weights": {"tag_acc": 0.0},  # All checkpoints are equally good, and so the best.
}
if callback:
    training["before_to_disk"] = {"@callbacks": callback}
nlp.config = nlp.config.merge({"corpora": corpora, "training": training})
os.fsync = lambda descriptor: None  # Of use where power is lost, which takes longer to try.
sys.addaudithook(die)
for number in range(int(sys.argv[3])):
    output = folder / str(number)
    pid = os.fork()
    if not pid:
        output.mkdir()
        armed["output"], armed["wanted"] = str(output), number
        train(nlp, output, stdout=io.StringIO(), stderr=io.StringIO())
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) == 0:
        break
    assert os.waitstatus_to_exitcode(status) == 9
