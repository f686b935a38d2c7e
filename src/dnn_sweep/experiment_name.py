"""The name of the experiment that a command works on, which may depend on its parameters."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader

from dnn_sweep.datasets.user_paths import project_root
from dnn_sweep.parameters import name_of_table

NAMED_BY = "named_by"  # in `globals.yml`: the parameter with the file that names the experiment
UNNAMED = "csv"  # `experiment` in `conf/csv/globals.yml`; a copy of the folder has another one
# Beside each experiment's lock: the environment of its last run, as new as that.
ENVIRONMENTS = "data/06_models/*/.environment"
SCHEMA = "data/02_intermediate/{}/schema.json"  # only of a table that could be read


class ExperimentConfigLoader(OmegaConfigLoader):
    """Reads the configuration; ``${globals:experiment}`` follows the parameters of the command.

    It is ``--params=experiment=<name>`` if that is given. Where ``globals.yml`` has ``named_by``,
    it is otherwise the name of the file that this parameter holds. Without one, ``--env=csv`` goes
    on with its last run's, and a copy of that environment has the name in its own ``globals.yml``.
    ``${globals:environment}`` is that name, and ``${globals:given}`` has the parameters of the
    command by their dotted names.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        try:
            given: Mapping[str, Any] = self["globals"]
        except MissingConfigException:  # of an environment that is not there, which is told later
            return
        name = str(given.get("experiment", ""))
        own = {"environment": name, **given, "experiment": self._experiment(given) or name}
        self["globals"] = own | {"given": dict(_flat(self.runtime_params or {}))}

    def _experiment(self, given: Mapping[str, Any]) -> str | None:
        told = self.runtime_params or {}
        if named := told.get("experiment"):
            return str(named)
        if NAMED_BY not in given:
            return None
        taken = {each.name for each in Path(self.conf_source).glob("[!.]*/")}
        value: Any = told
        for key in str(given[NAMED_BY]).split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            name = name_of_table(str(value))
            return f"{name}_table" if name in taken else name
        if given.get("experiment") != UNNAMED:
            return None
        runs = [
            each
            for each in project_root().glob(ENVIRONMENTS)
            if each.read_text("utf-8") == UNNAMED
            and each.parent.name not in taken
            and (project_root() / SCHEMA.format(each.parent.name)).exists()
        ]
        last = max(runs, key=lambda each: each.stat().st_mtime, default=None)
        return last.parent.name if last else None


def _flat(given: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in given.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value
