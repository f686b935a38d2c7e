"""What a user gives to ``sweep``, as the groups of parameters that the pipelines read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.reporting.commands import SHORT
from dnn_sweep.interface.functions import name_of
from dnn_sweep.parameters import Configuration

FURTHER = ("sweep", "budget", "executor", "registration", "logs", "tracking", "inference")
GROUPS = tuple(dict.fromkeys([*Configuration.model_fields, *FURTHER]))


def parameters_of(
    defaults: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Any],
    short: Mapping[str, Any],
    network: Any,
    folder: Path,
) -> dict[str, Any]:
    """Put the groups over the defaults, and what is given by a short name beside them.

    Args:
        defaults: Groups that follow from the rows.
        groups: Groups of parameters by name, as in ``conf/``.
        short: Arguments of ``SHORT``; ``None`` where they are not given.
        network: A kind, a function that builds it, or the group.
        folder: Where a function of a notebook is written to.

    Raises:
        SweepError: If there is no such group, a group is no mapping, or a value is given twice.

    >>> given = {"epochs": 3, "seeds": range(2)}
    >>> parameters_of({}, {"training": {"batch_size": 8}}, given, "dense", Path("sweep"))
    {'training': {'batch_size': 8, 'epochs': 3, 'seeds': [0, 1]}, 'network': {'kind': 'dense'}}
    """
    found: dict[str, Any] = {name: dict(group) for name, group in defaults.items()}
    given = dict(groups)
    if isinstance(network, Mapping):
        given["network"] = network
    for name, group in given.items():
        if name not in GROUPS:
            raise unknown_name(name, [*SHORT, *GROUPS], what="argument", where="sweep")
        if not isinstance(group, Mapping):
            raise SweepError(f"{name}: give a mapping of parameters, such as {name}={{...}}")
        _merge(found.setdefault(name, {}), plain(group))
    for name, value in short.items():
        if value is not None:
            group, key = SHORT[name].split(".")
            if key in given.get(group, {}):
                raise SweepError(
                    f"{name}= and {group}={{{key!r}: …}} are the same: give one of them"
                )
            found.setdefault(group, {})[key] = plain(value)
    if isinstance(network, str):
        kind = {"kind": "custom", "function": network} if ":" in network else {"kind": network}
        found.setdefault("network", {}).update(kind)
    elif callable(network):
        custom = {"kind": "custom", "function": name_of(network, folder)}
        found.setdefault("network", {}).update(custom)
    elif network is not None and not isinstance(network, Mapping):
        raise SweepError(f"network: {network!r} is neither a kind of network nor a function")
    return found


def plain(value: Any) -> Any:
    """Return a value as YAML could have given it: mappings, lists, numbers and text.

    >>> plain({"seeds": range(2), "epochs": np.int64(3)})
    {'seeds': [0, 1], 'epochs': 3}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple | range | set | np.ndarray):
        return [plain(each) for each in value]
    return value


def _merge(into: dict[str, Any], given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
