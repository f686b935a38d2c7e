"""Diagnosis: symptoms of a training, their thresholds, and each combination's verdict."""
