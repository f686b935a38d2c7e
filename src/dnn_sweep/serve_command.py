"""``kedro serve``: serves the registered champion of an experiment over HTTP."""

import click

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.user_paths import CONF, PROJECT_ROOT
from dnn_sweep.parameters.base import listed


@click.command("serve")
@click.option("--env", "-e", help="The experiment, as in `kedro run --env`.")
@click.option("--experiment", help="Its name, where --env and the last table do not give it.")
@click.option("--alias", default="champion", show_default=True, help="Of the version to serve.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5001, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--most-mb",
    default=100,
    show_default=True,
    type=click.IntRange(min=1),
    help="The largest request, in megabytes.",
)
def serve(
    env: str | None, experiment: str | None, alias: str, host: str, port: int, most_mb: int
) -> None:
    """Serve a registered model; requests and answers are those of `mlflow models serve`."""
    # Here, since every command of Kedro's imports this module.
    import uvicorn
    from kedro.framework.session import KedroSession

    from dnn_sweep.datasets.model_aliases import ModelAliases
    from dnn_sweep.datasets.serving.app import ScoringApp

    with KedroSession.create(
        project_path=PROJECT_ROOT,
        conf_source=str(CONF),
        env=env,
        runtime_params={"experiment": experiment} if experiment else None,
        save_on_close=False,
    ) as session:
        name = session.load_context().catalog.get("registered_model").name
    versions = ModelAliases(name)
    if alias not in versions:
        raise click.ClickException(
            f"no version of {name} has the alias {alias!r}; run `kedro run --pipeline=train` with "
            f"the same --env first.{listed(alias, versions) if versions else ''}"
        )
    try:
        model, _, _ = versions.load_model(alias)
    except SweepError as error:
        raise click.ClickException(str(error)) from None
    uvicorn.run(ScoringApp(model, most_mb * 1_000_000), host=host, port=port)
