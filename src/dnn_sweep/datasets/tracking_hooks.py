"""Kedro hooks that follow a sweep with its run in MLflow, whatever the tracking server does.

They stand in for kedro-mlflow's own hooks, which stop a sweep at the first request that fails and
start a new run every time. Its configuration (``mlflow.yml``), its commands and the artifacts that
its catalog entries declare are used as they are.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import mlflow
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from kedro_mlflow.framework.hooks.utils import _assert_mlflow_enabled, _generate_kedro_command
from kedro_mlflow.io.catalog.switch_catalog_logging import switch_catalog_logging
from mlflow.exceptions import MlflowException

from dnn_sweep.core.champion.record import RegisteredVersion
from dnn_sweep.core.errors import PartlyFailedError
from dnn_sweep.core.formatting import count
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.reporting.commands import experiment_parameter, kedro_run
from dnn_sweep.datasets.backlog import OUTAGE, first_line
from dnn_sweep.datasets.mlflow_settings import mask_passwords, one_at_a_time, write_ahead
from dnn_sweep.datasets.model_aliases import ModelAliasesDataset
from dnn_sweep.datasets.moved_store import follow_move
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from dnn_sweep.datasets.registered_packages import RegisteredPackagesDataset
from dnn_sweep.datasets.registry_outage import REGISTRY_OUTAGE
from dnn_sweep.datasets.run_names import name_run
from dnn_sweep.datasets.server_check import why_unreachable
from dnn_sweep.datasets.sweep_data import describe_data
from dnn_sweep.datasets.sweep_identity import sweep_key
from dnn_sweep.datasets.sweep_run import revision_tags
from dnn_sweep.datasets.tracked_sweep import SWEEP, Plan
from dnn_sweep.datasets.user_paths import project_root
from dnn_sweep.parameters import Configuration, TrackingParameters
from dnn_sweep.startup import without_password

logger = logging.getLogger(__name__)

REGISTRY = (ModelAliasesDataset, RegisteredModelDataset, RegisteredPackagesDataset)
TRIALS, METRICS = "trial_runs", "served_metrics"  # datasets
RECORDED = (TRIALS, "combination_metrics", METRICS, "sweep_description")
PLANS = ("trial_plan", "screening_plan")
BEFORE_THE_PLAN = {"ingestion", "scaling", "model_building"}  # tags of nodes
CATCHING_UP = "tracking"  # the pipeline
ARTIFACTS = "mlruns"  # unless `mlflow.yml` says otherwise
GROUPS = Configuration.model_fields


class TrackingHooks:
    """Begins the sweep's run with its first trial, and ends it with all that was written."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read ``mlflow.yml``; the server is asked nothing before a pipeline needs it."""
        self._context = context
        self._config = config = KedroMlflowConfig.model_validate(context.config_loader["mlflow"])
        for name in ("mlflow_tracking_uri", "mlflow_registry_uri"):
            if given := getattr(config.server, name):
                setattr(config.server, name, without_password(given))
        config._export_credentials(context)
        made_with = config.tracking.experiment.create_experiment_kwargs
        artifacts = project_root() / ARTIFACTS
        if made_with.artifact_location == str(artifacts):
            follow_move(str(config.server.mlflow_tracking_uri), artifacts)
        mlflow.set_tracking_uri(config.server.mlflow_tracking_uri)
        mlflow.set_registry_uri(config.server.mlflow_registry_uri)
        context.__setattr__("mlflow", config)  # where kedro-mlflow's commands look

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Set the experiment up if this run is tracked or needs the registry.

        Raises:
            ClickException: If the server does not answer, unless the sweep can do without.
        """
        switch_catalog_logging(catalog, False)
        REGISTRY_OUTAGE.forget(tolerated="registered_model" in pipeline.all_outputs())
        self._saved: list[str] = []
        self._left, self._evaluated, self._begun = 1, False, False
        names = run_params.get("pipeline_names") or [run_params.get("pipeline_name")]
        self._names = [name or "__default__" for name in names]
        trains = TRIALS in pipeline.all_outputs()
        self._tracked = trains and _assert_mlflow_enabled(self._names, self._config)
        self._required = TrackingParameters(**self._context.params.get("tracking", {})).required
        self._params = run_params
        registers = any(isinstance(catalog.get(name), REGISTRY) for name in pipeline.datasets())
        if not (self._tracked or registers):
            return
        try:
            self._set_up()
            if self._tracked and all(map(catalog.exists, PLANS)):
                SWEEP.expect(self._plan(catalog))
        except OUTAGE as error:
            uri = mask_passwords(str(self._config.server.mlflow_tracking_uri))
            said = f"The tracking server {uri} does not answer: {first_line(error)}."
            if not trains or self._names == [CATCHING_UP]:
                said += " Start it, then run the command again."
            elif self._required:
                said += (
                    " Start it, or train without it (--params=tracking.required=false) and record "
                    "the sweep later."
                )
            else:
                logger.warning("%s Training goes on (tracking.required is false).", said)
                return
            raise click.ClickException(said) from None

    @hook_impl
    def before_node_run(self, node: Node, catalog: CatalogProtocol) -> None:
        """Begin the sweep's run before the first node, after the plan, that has a part in it."""
        if not self._tracked or self._begun or node.tags & BEFORE_THE_PLAN:
            return
        # Nodes that are up to date do not run, so this need not be the training.
        if any(name in RECORDED or _is_artifact(catalog.get(name)) for name in node.outputs):
            self._begun = True
            SWEEP.begin(self._plan(catalog))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Note what there is to log."""
        self._saved.append(dataset_name)
        if dataset_name == TRIALS:
            self._left = data.left
        elif dataset_name == METRICS:
            self._evaluated = bool(data.metrics)

    # Last, since it may end the command with an error.
    @hook_impl(trylast=True)
    def after_pipeline_run(self, catalog: CatalogProtocol) -> None:
        """End the sweep's run.

        Raises:
            ClickException: If the champion could not be registered, or if not all is recorded and
                ``tracking.required`` is true.
        """
        whole = CATCHING_UP not in self._names or (self._left == 0 and self._evaluated)
        said = self._end("FINISHED" if whole else "KILLED", catalog) or ""
        if outage := _registry_outage():
            raise click.ClickException(f"{outage} {said}")
        if said and self._required:
            raise click.ClickException(said)
        if said:
            logger.warning(said)

    @hook_impl
    def on_pipeline_error(self, error: Exception, catalog: CatalogProtocol) -> None:
        """End the sweep's run with what was written; as failed, unless only figures are missing."""
        status = "FINISHED" if isinstance(error, PartlyFailedError) else "FAILED"
        for said in (self._end(status, catalog), _registry_outage()):
            if said:
                logger.warning(said)

    def _set_up(self) -> str:
        """Make the experiment if need be; return its id."""
        config, uri = self._config, str(self._config.server.mlflow_tracking_uri)
        if failure := why_unreachable(uri):
            raise MlflowException(failure)
        with one_at_a_time(uri):
            try:
                config.setup(self._context)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                config.setup(self._context)  # another sweep has made the experiment meanwhile
            write_ahead(uri)
        return str(config.tracking.experiment._experiment.experiment_id)

    def _plan(self, catalog: CatalogProtocol) -> Plan:
        if CATCHING_UP in self._names:
            configuration = catalog.load("configuration")
        else:  # not recorded in a run of a few nodes
            given = {k: v for k, v in self._context.params.items() if k in GROUPS}
            configuration = Configuration.model_validate(given)
        params = {
            name.removeprefix("params:"): str(catalog.load(name))
            for name in catalog
            if name.startswith("params:") and "." not in name
        }
        params |= {name: str(value) for name, value in configuration}
        run = {k: str(v) for k, v in self._params.items() if v and k != "runner"}
        options = ("tags", "node_names", "from_nodes", "to_nodes", "from_inputs", "load_versions")
        command = _generate_kedro_command(
            **{key: self._params.get(key) for key in options}, pipeline_names=self._names
        )
        finals: TrialPlan = catalog.load(PLANS[0])
        compared = count(len({trial.combination for trial in finals.trials}), "combination")
        if configuration.search.is_used:  # which trains none of the plan
            compared = count(configuration.search.proposals, "proposal")
        experiment = catalog.get(TRIALS).experiment
        schema = catalog.load("schema") if catalog.exists("schema") else None
        source = configuration.data.filepath or catalog.get("raw_table")
        return Plan(
            self._set_up,
            name=self._config.tracking.run.name or name_run(experiment, compared),
            tags={**revision_tags(), **run, "kedro_command": command},
            key=sweep_key(configuration, *map(catalog.load, PLANS)),
            params=params,
            data=schema and describe_data(experiment, schema, mask_passwords(str(source))),
        )

    def _end(self, status: str, catalog: CatalogProtocol) -> str | None:
        """End the run; say what is missing in it, and how to add it."""
        failure = SWEEP.end(status, self._files(status, catalog))
        if failure is None:
            return None
        given = self._context.params
        environment, experiment = given.get("environment", ""), given.get("experiment", "")
        named = experiment_parameter(environment, experiment)
        command = kedro_run(given.get("launcher", ""), CATCHING_UP, environment, named)
        return (
            f"Tracking is incomplete: MLflow has not recorded all of this sweep ({failure}). What "
            f"was trained and written is kept; `{command}` brings MLflow up to date and trains "
            "nothing."
        )

    def _files(self, status: str, catalog: CatalogProtocol) -> Iterator[tuple[Path, str | None]]:
        """The files that the catalog declares to be artifacts and that are of this sweep."""
        names, since = self._saved, 0.0
        if CATCHING_UP in self._names:
            # Later stages may have left files of an earlier sweep: those are older than the
            # configuration, which a sweep writes first.
            names = sorted(pipelines["train"].all_outputs()) if status == "FINISHED" else []
            since = _path(catalog.get("configuration")).stat().st_mtime
        for name in dict.fromkeys(names):
            dataset: Any = catalog.get(name)
            if not _is_artifact(dataset):
                continue
            for path in getattr(dataset, "files", [_path(dataset)]):
                if path.exists() and path.stat().st_mtime >= since:
                    yield path, dataset.artifact_path


def _registry_outage() -> str | None:
    why = REGISTRY_OUTAGE.failure
    REGISTRY_OUTAGE.forget(tolerated=False)  # what the process does next is no part of the run
    if why:
        missing = RegisteredVersion.missing("the champion", why)
        return f"The champion is not registered. {missing.reason}"
    return None


def _is_artifact(dataset: Any) -> bool:
    """Whether a catalog entry is a kedro-mlflow ``MlflowArtifactDataset``."""
    return hasattr(dataset, "_logging_activated")


def _path(dataset: Any) -> Path:
    """Where a dataset's file is; of a versioned one, the latest version."""
    versioned = hasattr(dataset, "_get_load_path")
    return Path(os.fspath(dataset._get_load_path() if versioned else dataset._filepath))
