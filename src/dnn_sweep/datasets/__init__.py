"""Kedro datasets: every effect of a run, one class a file."""
