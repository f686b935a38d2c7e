"""The connection to a Ray cluster, and everything that can be wrong with it, in a line each."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.training.cluster import host
from dnn_sweep.core.training.device import cores
from dnn_sweep.core.training.interrupts import SIGNALS
from dnn_sweep.parameters import ExecutorParameters

SECONDS_TO_ANSWER = 10.0
LOOPBACK = "127.0.0.1"
_ERROR = 40  # the level of Ray's messages: what goes wrong is told by ours
_QUIET = {"log_to_driver": False, "logging_level": _ERROR}
_USAGE = "RAY_USAGE_STATS_ENABLED"
# For the processes of a cluster that is started here. They listen on the loopback interface alone,
# which the first does on every system, and compete for the cores like the training without Ray.
_HERE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_worker_niceness": "0"}


def import_ray() -> Any:
    """Import Ray, which reports its use to nobody.

    Raises:
        SweepError: If it is not installed.
    """
    os.environ.setdefault(_USAGE, "0")
    try:
        import ray
    except ImportError as error:
        raise SweepError(
            "executor.kind: ray needs the package ray: pip install 'dnn-sweep[ray]', or set "
            f"executor.kind to local ({error})"
        ) from error
    # The classes of that module go along with each worker: the package may be another one there.
    ray.cloudpickle.register_pickle_by_value(host)
    return ray


def connect(executor: ExecutorParameters) -> Callable[[], None]:
    """Connect this process to a cluster, or start one; return what undoes it.

    Raises:
        SweepError: If Ray is missing, the address does not answer within ten seconds, or the
            cluster has another version of Ray or Python.
    """
    address = executor.address
    ray = _import_for(address)
    if ray.is_initialized():  # by the user, in a notebook
        return lambda: None
    if address is None:
        with _signals_kept(), _modules_found():
            size = {"num_cpus": executor.workers or cores(), "include_dashboard": False}
            ray.init("local", _node_ip_address=LOOPBACK, **size, **_QUIET)
        return _disconnect
    _knock(address)
    _within_seconds(address, lambda: ray.init(address, **_options(address)))
    return _disconnect


def check(executor: ExecutorParameters) -> None:
    """Refuse a cluster that sweeps cannot use, before anything is trained.

    Raises:
        SweepError: See :func:`connect`; also if a machine of the cluster has other versions of
            Python, Keras, TensorFlow or this package.
    """
    if executor.kind != "ray":
        return
    if executor.address is None:
        _import_for(None)
        return
    disconnect = connect(executor)
    try:
        ray = import_ray()
        describe = ray.remote(num_cpus=0, max_retries=0)(host.describe)
        asked = [describe.options(scheduling_strategy=on_node(each)).remote() for each in nodes()]
        found, late = ray.wait(asked, num_returns=len(asked), timeout=6 * SECONDS_TO_ANSWER)
        del late  # machines that do not answer now are asked again when they join
        for each in found:
            if refusal := mismatch(host.installed(), ray.get(each)):
                raise SweepError(f"executor.address {executor.address}: {refusal}")
    finally:
        disconnect()


def mismatch(own: Mapping[str, str], theirs: Mapping[str, str]) -> str | None:
    """Say in a line what is installed differently on a worker's machine; ``None`` if nothing is.

    >>> own = {"Python": "3.12", "keras": "3.15.1"}
    >>> print(mismatch(own, {"host": "b", "Python": "3.12", "keras": "3.14.0"}))
    the worker on b has another keras: 3.14.0, here 3.15.1; install the same there
    """
    different = [
        f"{name}: {theirs.get(name, 'missing')}, here {own[name]}"
        for name in own
        if theirs.get(name) != own[name]
    ]
    if not different:
        return None
    named = theirs.get("host", "a machine")
    return f"the worker on {named} has another {'; '.join(different)}; install the same there"


def _disconnect() -> None:
    import_ray().shutdown()


def nodes() -> dict[str, int]:
    """The machines of the cluster that are alive, by their ids, with their numbers of cores."""
    ray = import_ray()
    found = {each["NodeID"]: each for each in ray.nodes() if each["Alive"]}
    return {node: int(each["Resources"].get("CPU", 0)) for node, each in found.items()}


def on_node(node: str) -> Any:
    """Ray's way to say on which machine something runs, and on no other one."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)


def _import_for(address: str | None) -> Any:
    if address is None:
        os.environ.update(_HERE | os.environ)  # read when Ray is imported
    return import_ray()


def _options(address: str) -> dict[str, Any]:
    return {"logging_level": _ERROR} if address.startswith("ray://") else _QUIET


def _knock(address: str) -> None:
    """Find out in no time whether something listens there."""
    if address == "auto":
        return
    name, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((name.strip("[]"), int(port)), SECONDS_TO_ANSWER / 2).close()
    except OSError as error:
        raise _silent(address, error.strerror or str(error)) from error


def _within_seconds(address: str, join: Callable[[], object]) -> None:
    """Connect in a thread: Ray tries for minutes, and nothing makes it give up."""
    ended, raised = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            join()
        except BaseException as error:  # noqa: BLE001 - it is told where it is waited for
            raised.append(error)
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    if not ended.wait(SECONDS_TO_ANSWER):
        raise _silent(address, f"no answer of a Ray cluster in {SECONDS_TO_ANSWER:.0f} s")
    if raised:
        said = " ".join(str(raised[0]).split())
        raise _silent(address, said or type(raised[0]).__name__) from raised[0]


def _silent(address: str, why: str) -> SweepError:
    return SweepError(
        f"executor.address {address}: no Ray cluster can be used there ({why}). `ray start --head` "
        "on one machine starts one, `ray start --address=host:6379` on another one joins it; see "
        "docs/cluster.md"
    )


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray handles signals from its start on; a sweep has its own way to be stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _modules_found() -> Iterator[None]:
    """Let the workers of a cluster that is started here find what this process can import."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
