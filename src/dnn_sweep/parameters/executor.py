"""Where the trials are trained (``params:executor``)."""

import re
from typing import Literal, Self

from pydantic import PositiveInt, field_validator, model_validator

from dnn_sweep.parameters.base import Parameters

ADDRESS = re.compile(r"(ray://)?(\[[0-9a-fA-F:]+\]|[^\s/:]+):(\d{1,5})")
LAST_PORT = 65535


class ExecutorParameters(Parameters):
    """Where the trials are trained (``params:executor``).

    Args:
        kind: ``local`` trains in this process and on this machine; ``ray`` in the worker processes
            of a Ray cluster. No result depends on it, except in its rounding.
        address: The cluster: ``auto`` for the one that runs on this machine, ``host:port`` for the
            one that this machine has joined, ``ray://host:port`` for one that it has not.
            ``None`` starts one on this machine for the time of the sweep.
        workers: Worker processes at most, each with one core; ``None`` for one per core.

    >>> ExecutorParameters(kind="ray", address="ray://192.0.2.7:10001").workers is None
    True
    """

    kind: Literal["local", "ray"] = "local"
    address: str | None = None
    workers: PositiveInt | None = None

    @field_validator("address")
    @classmethod
    def _address_is_one(cls, address: str | None) -> str | None:
        if address in (None, "auto"):
            return address
        found = ADDRESS.fullmatch(str(address))
        if found and 0 < int(found[3]) <= LAST_PORT:
            return address
        raise ValueError(
            f"executor.address is {address!r}, but must be null (a cluster on this machine, for "
            f"this sweep), auto, host:port or ray://host:port, with a port from 1 to {LAST_PORT}"
        )

    @model_validator(mode="after")
    def _a_cluster_has_a_kind(self) -> Self:
        if self.kind == "local" and (self.address or self.workers):
            key = "address" if self.address else "workers"
            raise ValueError(f"executor.{key} is of a cluster: set executor.kind to ray as well")
        return self
