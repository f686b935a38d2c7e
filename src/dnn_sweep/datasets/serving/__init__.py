"""The code that MLflow copies into a registered model; nothing here imports it."""
