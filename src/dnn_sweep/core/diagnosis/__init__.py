"""Diagnosis: symptoms of a training with their thresholds, and verdicts."""
