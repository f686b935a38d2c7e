"""Kedro datasets: every side effect of a run, one class per file."""
