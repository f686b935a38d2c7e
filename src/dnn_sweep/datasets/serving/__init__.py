"""What MLflow copies into a registered model; imported by nothing here."""
