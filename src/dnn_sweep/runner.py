"""Runs only what is out of date: the nodes that read something else than when they last ran."""

import hashlib
import logging
import platform
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kedro.io import CatalogProtocol, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pluggy import PluginManager
from pydantic import BaseModel, ConfigDict, JsonValue

from dnn_sweep.datasets.base import State, state_of_path
from dnn_sweep.datasets.postponed_mlflow import sweep_run
from dnn_sweep.parameters import SweepParameters
from dnn_sweep.sparing_runner import SparingRunner

RECORDS = "node_records"
SWEEP = "params:sweep"
PACKAGES = (
    "tensorflow", "keras", "numpy", "scipy", "scikit-learn", "statsmodels", "pandas", "plotly",
    "matplotlib",
)  # fmt: skip
FUNCTION = re.compile(r"""["']([A-Za-z_][\w.]*):\w+["']""")  # a user's own, in a parameter

logger = logging.getLogger(__name__)


class NodeRecord(BaseModel):
    """What a node read and wrote when it last ran.

    Args:
        code: Digest of the code, the libraries and the configuration of what it reads and writes.
        sweep: The sweep that MLflow still lacked when it ran; ``None`` where it had all of it.
        inputs: State of everything that it read, by name, such as a file's size and time.
        outputs: State of everything that it wrote.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    sweep: str | None
    inputs: dict[str, JsonValue]
    outputs: dict[str, JsonValue]


class NodeRecords(BaseModel):
    """The records of an experiment's nodes, by the node's name."""

    model_config = ConfigDict(frozen=True)

    nodes: dict[str, NodeRecord] = {}


class OutOfDateRunner(SparingRunner):
    """Leaves out nodes that would write again what is there.

    A node is out of date if its code, one of its parameters, a file that it read or a file that
    it wrote has changed since it last ran, if it reads what such a node writes, or if it writes to
    MLflow and this sweep's run does not have that. Nodes that print always run. What passes only
    through memory is made again where it is needed.
    """

    def run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
        only_missing_outputs: bool = False,
    ) -> dict[str, Any]:
        """Run the nodes that are out of date; see ``AbstractRunner.run``."""
        self._records = dict(catalog.load(RECORDS).nodes)
        written, given = (
            {key: state for name in names for key, state in (_state(name, catalog) or {}).items()}
            for names in (pipeline.all_outputs(), pipeline.inputs())
        )
        self._given = {key: state for key, state in given.items() if key not in written}
        self._makers = {name: node.name for node in pipeline.nodes for name in node.outputs}
        wanted = self._out_of_date(pipeline, catalog)
        left_out = len(pipeline.nodes) - len(wanted)
        if left_out:
            logger.info(
                "%d of %d nodes are up to date and do not run again", left_out, len(pipeline.nodes)
            )
        chosen = Pipeline(wanted)  # a filter by no names would leave all
        made: dict[str, Any] = super().run(
            chosen, catalog, hook_manager, run_id, only_missing_outputs
        )
        return made

    def _out_of_date(self, pipeline: Pipeline, catalog: CatalogProtocol) -> list[Node]:
        """Choose the nodes that must run, and those that make in memory what these read."""
        stale: set[Node] = set()
        for node in pipeline.nodes:  # each after those that make its inputs
            made_again = {name for each in stale for name in each.outputs}
            reason = next(
                (f"{name} is made again" for name in node.inputs if name in made_again),
                self._reason_to_run(node, catalog),
            )
            if reason:
                logger.debug("%s runs: %s", node.short_name, reason)
                stale.add(node)
        wanted = set(stale)
        for node in reversed(pipeline.nodes):
            read = {name for each in wanted for name in each.inputs}
            if any(name in read and _in_memory(name, catalog) for name in node.outputs):
                wanted.add(node)
        return [node for node in pipeline.nodes if node in wanted]

    def _reason_to_run(self, node: Node, catalog: CatalogProtocol) -> str | None:
        """Say why a node is out of date; ``None`` where it is not."""
        if SWEEP in node.inputs and SweepParameters.model_validate(catalog.load(SWEEP)).fresh:
            return "the sweep starts over"
        record = self._records.get(node.name)
        if record is None:
            return "it has not run yet, or always runs"
        if sweep_run.sweep_to_record() not in (None, record.sweep) and _is_tracked(node, catalog):
            return "its outputs are not in this sweep's run"
        if record.code != _code(node, catalog):
            return "its code or its configuration has changed"
        inputs, outputs = self._inputs(node, catalog), _states(node.outputs, catalog)
        if inputs is None or outputs is None:
            return "it cannot be told whether anything has changed"
        # More may have come since, such as other sweeps' trials in the same folder.
        for before, now in ((record.inputs, inputs), (record.outputs, outputs)):
            for name, state in before.items():
                if now.get(name, ...) != state:
                    return f"{name} has changed"
        return None

    def _inputs(self, node: Node, catalog: CatalogProtocol) -> State | None:
        """The state of what a node reads; of what is in memory, what it was made from."""
        states = _states(node.inputs, catalog)
        for name in node.inputs:
            maker = self._records.get(self._makers.get(name, ""))
            if states is not None and maker and _in_memory(name, catalog):
                states[name] = _digest(maker.model_dump_json(include={"code", "inputs"}))
        return states

    def _release_datasets(
        self,
        node: Node,
        catalog: CatalogProtocol,
        load_counts: dict[str, int],
        pipeline: Pipeline,
    ) -> None:
        """Record a node that has run, then release what it read."""
        self._record(node, catalog)
        super()._release_datasets(node, catalog, load_counts, pipeline)

    def _failed(self, node: Node, catalog: CatalogProtocol) -> None:
        """Forget a node that has failed, so that it runs again."""
        self._records.pop(node.name, None)
        catalog.save(RECORDS, NodeRecords(nodes=self._records))

    def _record(self, node: Node, catalog: CatalogProtocol) -> None:
        inputs, outputs = self._inputs(node, catalog), _states(node.outputs, catalog)
        if inputs is None or outputs is None:
            return
        # A file from outside counts as it was at the start: it may have been changed meanwhile.
        inputs |= {name: state for name, state in self._given.items() if name in inputs}
        self._records[node.name] = NodeRecord(
            code=_code(node, catalog),
            sweep=sweep_run.sweep_to_record(),
            inputs={name: state for name, state in inputs.items() if name not in outputs},
            outputs=outputs,
        )
        catalog.save(RECORDS, NodeRecords(nodes=self._records))


def _states(names: Iterable[str], catalog: CatalogProtocol) -> State | None:
    """The state of all these datasets; ``None`` if one of them has none that could be compared."""
    states: State = {}
    for name in names:
        state = _state(name, catalog)
        if state is None:
            return None
        states |= state
    return states


def _is_tracked(node: Node, catalog: CatalogProtocol) -> bool:
    """Whether MLflow gets something of what a node writes: an artifact, or what is no file."""
    written = [name for name in node.outputs if not _in_memory(name, catalog)]
    return any(
        hasattr(catalog.get(name), "_logging_activated") or _state(name, catalog) == {}
        for name in written
    )


def _state(name: str, catalog: CatalogProtocol) -> State | None:
    if _is_parameter(name) or _in_memory(name, catalog):
        return {}
    dataset = catalog.get(name)
    if hasattr(dataset, "state"):
        state: State | None = dataset.state()
        return state
    return state_of_path(Path(dataset._filepath))


def _in_memory(name: str, catalog: CatalogProtocol) -> bool:
    return isinstance(catalog.get(name, fallback_to_runtime_pattern=True), MemoryDataset)


def _is_parameter(name: str) -> bool:
    return name == "parameters" or name.startswith("params:")


def _code(node: Node, catalog: CatalogProtocol) -> str:
    """Digest the package, the libraries, and how the node's inputs and outputs are configured."""
    digest = hashlib.sha256(_package().encode())
    for name in (*node.inputs, *node.outputs):
        if _is_parameter(name):
            text = f"{name}={catalog.load(name)}"
            digest.update(text.encode())
            for module in FUNCTION.findall(text):
                digest.update(_source_of(module))
        elif not _in_memory(name, catalog):
            digest.update(f"{name}={catalog.get(name)}".encode())
    return digest.hexdigest()


def _source_of(module: str) -> bytes:
    """Read a user's own module; nothing if it cannot be found, which the nodes that use it say."""
    try:
        spec = find_spec(module)  # imports the packages that the module lies in
    except Exception:
        logger.debug("%s cannot be found", module, exc_info=True)
        return b""
    return Path(spec.origin).read_bytes() if spec and spec.origin else b""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _package() -> str:
    digest = hashlib.sha256(platform.python_version().encode())
    for name in PACKAGES:
        digest.update(f"{name} {version(name)}".encode())
    root = Path(__file__).parent
    for file in sorted(root.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return digest.hexdigest()
