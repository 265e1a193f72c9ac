"""Recurrent networks as first-class citizens of spaCy."""
