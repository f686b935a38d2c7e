"""Runs every node that can run, although one for readers, such as a figure, has failed."""

import logging
from collections import Counter
from itertools import chain

from kedro.framework.hooks.manager import _NullPluginManager
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import SequentialRunner
from kedro.runner.task import Task
from pluggy import PluginManager

from dnn_sweep.core.errors import PartlyFailedError
from dnn_sweep.core.missing import DISPENSABLE, FOR_READERS, Missing, describe_error
from dnn_sweep.core.training.interrupts import Interrupts

logger = logging.getLogger(__name__)


class SparingRunner(SequentialRunner):
    """Kedro's sequential runner, except that a figure that fails costs that figure alone.

    A node that has the tag ``FOR_READERS`` may fail. Nodes that read what it should have written
    get a ``Missing`` in its place if they can do without; otherwise they are left out. Once all
    others have run, an error names what failed.
    """

    def __str__(self) -> str:
        """Return the name of Kedro's own: Kedro-Viz follows only runs of a runner of that name."""
        return str(SequentialRunner())

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger("kedro.runner")

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        """Run the nodes in their order.

        Raises:
            PartlyFailedError: If nodes for readers have failed, after all others have run.
        """
        load_counts = Counter(chain.from_iterable(node.inputs for node in pipeline.nodes))
        missing: dict[str, Missing] = {}
        failures: dict[Missing, Exception] = {}
        for node in pipeline.nodes:
            Interrupts.check()  # in case the node before has swallowed a stop
            lacking = {name: missing[name] for name in node.inputs if name in missing}
            needed = [each for name, each in lacking.items() if not name.endswith(DISPENSABLE)]
            if needed:
                missing |= dict.fromkeys(node.outputs, needed[0])
                continue
            given = _told_of(node, lacking, catalog)
            try:
                Task(given, catalog, False, hook_manager or _NullPluginManager(), run_id).execute()
            except Exception as error:
                if FOR_READERS not in node.tags:
                    error.add_note(f"{node.short_name} failed")
                    raise
                failure = Missing(node.short_name, describe_error(error))
                logger.warning("%s; what does not need it goes on", failure)
                failures[failure] = error
                missing |= dict.fromkeys(node.outputs, failure)
                self._failed(node, catalog)
            else:
                self._release_datasets(node, catalog, load_counts, pipeline)
        if failures:
            told = "\n".join(map(str, failures))
            raise PartlyFailedError(
                f"{told}\nAll else is done. Run the same command again to try it once more."
            ) from ExceptionGroup("nodes that failed", list(failures.values()))

    def _failed(self, node: Node, catalog: CatalogProtocol) -> None:
        """Take note of a node that has failed."""


def _told_of(node: Node, lacking: dict[str, Missing], catalog: CatalogProtocol) -> Node:
    """Let a node read what stands for its missing inputs."""
    if not lacking:
        return node
    for name, failure in lacking.items():
        if f"missing_{name}" not in catalog:  # another node has not read it yet
            catalog[f"missing_{name}"] = failure
    (told,) = Pipeline([node], inputs={name: f"missing_{name}" for name in lacking}).nodes
    return told
