"""The commands a user types next, spelled for the environment and experiment at hand."""

DEFAULT_ENVIRONMENTS = ("base", "local", "digits")


def kedro_run(pipeline: str, environment: str, parameters: str = "") -> str:
    """Write the ``kedro run`` of a pipeline in an environment.

    Args:
        pipeline: A registered pipeline, such as ``train``.
        environment: The folder under ``conf`` that the run used; the default needs no option.
        parameters: What ``--params`` gets; empty for none.
    """
    return f"kedro run --pipeline={pipeline}{_options(environment)}" + (
        f" --params={parameters}" if parameters else ""
    )


def next_commands(environment: str, model: str, alias: str) -> list[tuple[str, str]]:
    """List what to do after a sweep.

    Args:
        environment: The folder under ``conf`` that the run used.
        model: The registered model, such as ``dnn_sweep_digits``.
        alias: What the version at hand is called, such as ``champion``.

    Returns:
        For each command what it does, and the command, to be typed in the project's folder.
    """
    scored = "inference.filepath=rows.csv"
    if alias != "champion":
        scored += f",inference.alias={alias}"
    return [
        ("compare the runs", f"kedro mlflow ui{_options(environment)}"),
        ("see the pipelines and their outputs", f"kedro viz run{_options(environment)}"),
        ("score a file", kedro_run("inference", environment, scored)),
        (
            "serve the model",
            f'mlflow models serve -m "models:/{model}@{alias}" --env-manager local',
        ),
    ]


def _options(environment: str) -> str:
    return "" if environment in DEFAULT_ENVIRONMENTS else f" --env={environment}"
