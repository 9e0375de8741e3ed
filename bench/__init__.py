"""Measurements: each a command that prints a ratio against a named limit of the same run. `python -m bench.NAME` from the root."""
