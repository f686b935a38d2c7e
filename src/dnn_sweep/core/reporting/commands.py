"""The commands a user types next, spelled for the environment and experiment at hand."""

from dnn_sweep.parameters import DataParameters

DEFAULT_ENVIRONMENTS = ("base", "local", "digits")


def kedro_run(launcher: str, pipeline: str, environment: str, parameters: str = "") -> str:
    """Write the ``kedro run`` of a pipeline in an environment.

    Args:
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        pipeline: A registered pipeline, such as ``train``.
        environment: The folder under ``conf`` that the run used; the default needs no option.
        parameters: What ``--params`` gets; empty for none.
    """
    command = f"{launcher} kedro run --pipeline={pipeline}{_options(environment)}".lstrip()
    return command + (f" --params={parameters}" if parameters else "")


def data_parameters(data: DataParameters) -> str:
    """What ``--params`` needs to find the same data again: the user's own file and its target.

    Args:
        data: The ``data`` parameters of the run.
    """
    keys = ("filepath", "target") if data.filepath else ("source_dir",)
    return ",".join(f"data.{key}={value}" for key in keys if (value := getattr(data, key)))


def next_commands(launcher: str, environment: str, model: str, alias: str) -> list[tuple[str, str]]:
    """List what to do after a sweep.

    Args:
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.
        model: The registered model, such as ``dnn_sweep_digits``.
        alias: What the version at hand is called, such as ``champion``.

    Returns:
        For each command what it does, and the command, to be typed in the project's folder.
    """
    scored = "inference.filepath=rows.csv"
    if alias != "champion":
        scored += f",inference.alias={alias}"
    serve = f'mlflow models serve -m "models:/{model}@{alias}" --env-manager local --port 5001'
    return [
        ("compare the runs", f"{launcher} kedro mlflow ui{_options(environment)}".lstrip()),
        (
            "see the pipelines and their outputs",
            f"{launcher} kedro viz run{_options(environment)}".lstrip(),
        ),
        ("score a file", kedro_run(launcher, "inference", environment, scored)),
        ("serve the model", f"{launcher} {serve}".lstrip()),
    ]


def _options(environment: str) -> str:
    return "" if environment in DEFAULT_ENVIRONMENTS else f" --env={environment}"
