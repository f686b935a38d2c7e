"""Checks the configuration as soon as Kedro has read it: no dataset, no MLflow run is made yet.

Kedro checks parameters too, a moment later, but shows a traceback and not where a value was set.
"""

from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import click
from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.validation.type_extractor import TypeExtractor
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ValidationError

from dnn_sweep.parameters import TrackingParameters
from dnn_sweep.parameters.base import listed

FROM_PYTHON = ContextVar[tuple[str, ...]]("pipelines that are run without a command", default=())
OF_HOOKS = {"tracking": TrackingParameters}  # groups that no node takes


class ConfigurationHooks:
    """Refuses unknown environments and groups of parameters, and values that a group forbids."""

    # First, because kedro-mlflow reads its own configuration here.
    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Raise one error with a line for each mistake, if there are any."""
        loader = context.config_loader
        mistakes = [*_unknown_environment(loader)]
        mistakes = mistakes or [*_unreadable_parameters(loader)] or [*_wrong_parameters(loader)]
        if mistakes:
            raise click.ClickException("\n".join(mistakes))


def _unknown_environment(loader: OmegaConfigLoader) -> Iterator[str]:
    known = sorted(each.name for each in Path(loader.conf_source).glob("[!.]*/"))
    if loader.env not in (None, loader.default_run_env, *known):
        names = [name for name in known if name != loader.base_env]
        yield f"--env: there is no environment {loader.env!r}.{listed(loader.env, names)}"


def _unreadable_parameters(loader: OmegaConfigLoader) -> Iterator[str]:
    """What keeps the parameters from being put together."""
    try:
        loader["parameters"]
    except OmegaConfBaseException as error:
        said, key = str(error).splitlines()[0], error.full_key
        if not key:  # merging does not say where it failed
            files = _files(loader, loader.env or loader.default_run_env)
            given = [loader.runtime_params or {}, *map(_read, files)]
            lists = [each for values in given for each in _lists(values)]
            whole = error.parent_node
            key = next((k for k in lists if OmegaConf.is_dict(OmegaConf.select(whole, k))), "")
            said = "a group of parameters is needed, not a list" if key else said
        yield f"{key}{_origin(loader, key.split('.'))}: {said}".removeprefix(": ")


def _lists(values: Any, above: str = "") -> Iterator[str]:
    """The keys of every list, also in groups within groups."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _lists(value, f"{above}{key}.")
        elif isinstance(value, list):
            yield f"{above}{key}"


def _wrong_parameters(loader: OmegaConfigLoader) -> Iterator[str]:
    given = loader["parameters"]
    inputs = {name for pipeline in pipelines.values() for name in pipeline.inputs()}
    groups = {name.removeprefix("params:").split(".")[0] for name in inputs if "params:" in name}
    known = groups | {name for file in _files(loader, loader.base_env) for name in _read(file)}
    for name in given:
        if name not in known and not name.startswith("_"):  # Kedro's mark of a helper's value
            said = f"unknown group of parameters.{listed(name, sorted(known))}"
            yield f"{name}{_origin(loader, [name])}: {said}"
    run = {name: pipelines[name] for name in _named_in_command() if name in pipelines}
    found = TypeExtractor(run).extract_types_from_pipelines()
    for name, model in (found | OF_HOOKS if run else found).items():
        if isinstance(model, type) and issubclass(model, BaseModel) and name in given:
            try:
                model.model_validate(given[name])
            except ValidationError as error:
                yield from (_tell(loader, name, each) for each in error.errors())


def _named_in_command() -> list[str]:
    """The pipelines that this command runs: others may be of another configuration."""
    context = click.get_current_context(silent=True)
    if context is None or context.command.name != "run":
        return list(FROM_PYTHON.get())
    one, several = context.params.get("pipeline"), context.params.get("pipelines")
    return [one] if one else list(several or ["__default__"])


def _tell(loader: OmegaConfigLoader, group: str, error: Any) -> str:
    """Say where a forbidden value was set, and what is wrong with it."""
    said = error["msg"]
    for prefix in ("Value error, ", "Extra inputs are not permitted: "):
        said = said.removeprefix(prefix)
    keys = [group, *(str(key) for key in error["loc"])]
    while not (origin := _origin(loader, keys)) and len(keys) > 1:
        keys.pop()  # pydantic also names the alternatives that it tried
    name = ".".join(keys)
    value = error["input"]
    given = "" if isinstance(value, dict | list) or repr(value) in said else f" = {value!r}"
    return f"{name}{given}{origin}: {said}"


def _origin(loader: OmegaConfigLoader, keys: list[str]) -> str:
    """Name the place that set a key, and so decided its value."""
    if _has(loader.runtime_params, keys):
        return " (given to sweep)" if FROM_PYTHON.get() else " (--params)"
    for environment in (loader.env or loader.default_run_env, loader.base_env):
        for file in _files(loader, environment):
            if _has(_read(file), keys):
                return f" ({file.relative_to(Path(loader.conf_source).parent)})"
    return ""


def _files(loader: OmegaConfigLoader, environment: str) -> list[Path]:
    return sorted(Path(loader.conf_source, environment).rglob("parameters*.yml"))


def _read(file: Path) -> Any:
    return OmegaConf.to_container(OmegaConf.load(file), resolve=False)


def _has(values: Any, keys: list[str]) -> bool:
    for key in keys:
        if isinstance(values, list) and key.isdigit() and int(key) < len(values):
            values = values[int(key)]
        elif isinstance(values, dict) and key in values:
            values = values[key]
        else:
            return False
    return True
