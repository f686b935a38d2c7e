"""What a sweep is made of: no Kedro, no MLflow."""
