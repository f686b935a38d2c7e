"""Node that records the code's revision."""


def record_revision(revision: dict[str, str]) -> dict[str, str]:
    """Return the code's revision as tags of the sweep's run, under the names MLflow's UI reads."""
    names = {"commit": "mlflow.source.git.commit", "changed": "git_changed"}
    return {names[key]: value for key, value in revision.items()}
