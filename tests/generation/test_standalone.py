"""Searches need PyTorch and a step function: no network of ours, nothing of spaCy."""

import json

from new_process import run_script


def test_searches_run_without_networks_and_spacy():
    output = json.loads(run_script("child_standalone_generation.py"))
    assert output["modules"] >= 9
    assert output["found"]["beam"] == output["best"]
    assert output["found"]["greedy"]
    assert output["found"]["sample"]
