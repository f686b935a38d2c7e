"""Two hosts on one machine, in network namespaces: ``sudo python -m benchmarks.cluster_hosts``.

Each namespace has a network of its own, joined by a bridge like two machines by a switch. One runs
``ray start --head``, the other ``ray start --address``; a sweep on the first one's address has a
worker on each. Its leaderboard is compared with that of a sweep without a cluster, and then again
while the second host's link is cut in the middle of the training.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import cluster_kills
from benchmarks.kill_checks import differences, results_of, trials_in
from benchmarks.kills import COMMAND, copy_project, run

HOSTS = {"dnn_head": "10.89.7.1", "dnn_other": "10.89.7.2"}
PORT, BRIDGE = 6379, "dnn_bridge"
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
SHORTER = {"epochs": 20, "batch_size": 64, "seeds": [0, 1], "checkpoint_seconds": 1}
SETTINGS = cluster_kills.SETTINGS | {"training": SHORTER, "screening": {"enabled": False}}
QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def main() -> None:
    """Print whether the sweeps agree."""
    head, other = HOSTS
    with TemporaryDirectory() as folder, ExitStack() as undo:
        whole = copy_project(Path(folder, "whole"), SETTINGS)
        local = run(whole)
        if local["status"]:
            raise SystemExit(local["output"])
        expected = results_of(whole)
        make_hosts(undo)
        token = Path(folder, "token")
        token.write_text("0" * 64)  # every node of a cluster has the same one
        environment = os.environ | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "KEDRO_DISABLE_TELEMETRY": "1",
        }
        for cut in (False, True):
            project = Path(folder, f"cut_{cut}")
            address = f"{HOSTS[head]}:{PORT}"
            executor = {"kind": "ray", "address": address}
            copy_project(project, SETTINGS | {"executor": executor})
            own = environment | {"PYTHONPATH": str(project / "src")}
            common = ["--num-cpus=1", "--include-dashboard=false", "--disable-usage-stats"]
            first = ["start", "--head", f"--port={PORT}", f"--node-ip-address={HOSTS[head]}"]
            second = ["start", f"--address={address}", f"--node-ip-address={HOSTS[other]}"]
            temporary = [f"--temp-dir={folder}/ray_{cut}"]
            nodes = []
            for host, words in ((head, first + temporary), (other, second)):
                blocking = [*RAY, *words, *common[: 3 if host == head else 1], "--block"]
                nodes.append(subprocess.Popen(within(host, blocking), env=own, **QUIET))
                time.sleep(15)
            try:
                told = sweep(project, head, own, cut=cut)
            finally:
                for node in reversed(nodes):
                    node.terminate()
                for node in nodes:
                    node.wait(timeout=60)
                command(*within(other, ["ip", "link", "set", "dnn_other_0", "up"]))
            found = differences(results_of(project), expected) if not told["status"] else ["all"]
            print(f"{'link cut: ' if cut else ''}{told}, different: {found}", flush=True)


def sweep(project: Path, host: str, environment: dict[str, str], *, cut: bool) -> dict[str, Any]:
    """Run a sweep on a host; cut the other one off once four of its trials are there."""
    began = time.monotonic()
    with (project / "output.txt").open("w") as log:
        process = subprocess.Popen(
            within(host, COMMAND), cwd=project, env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        kept = None
        while process.poll() is None:
            time.sleep(0.5)
            if cut and kept is None and len(trials_in(project)) >= 4:
                kept = len(trials_in(project))
                subprocess.run(
                    within("dnn_other", ["ip", "link", "set", "dnn_other_0", "down"]), check=True
                )
    output = (project / "output.txt").read_text(errors="replace")
    return {
        "status": process.returncode,
        "seconds": round(time.monotonic() - began, 1),
        "trials": len(trials_in(project)),
        "kept when cut": kept,
        "output": output[-1500:] if process.returncode else "",
    }


def make_hosts(undo: ExitStack) -> None:
    """Make two namespaces, joined by a bridge; they are removed at the end."""
    command("ip", "link", "add", BRIDGE, "type", "bridge")
    undo.callback(command, "ip", "link", "del", BRIDGE)
    command("ip", "link", "set", BRIDGE, "up")
    for host, address in HOSTS.items():
        command("ip", "netns", "add", host)
        undo.callback(command, "ip", "netns", "del", host)
        inside, outside = f"{host}_0", f"{host}_1"
        command("ip", "link", "add", inside, "type", "veth", "peer", "name", outside)
        command("ip", "link", "set", inside, "netns", host)
        command("ip", "link", "set", outside, "master", BRIDGE)
        command("ip", "link", "set", outside, "up")
        for inner in (
            ["addr", "add", f"{address}/24", "dev", inside],
            ["link", "set", inside, "up"],
            ["link", "set", "lo", "up"],
        ):
            command(*within(host, ["ip", *inner]))


def within(host: str, words: list[str]) -> list[str]:
    """A command as it is run on a host."""
    return ["ip", "netns", "exec", host, *words]


def command(*words: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(words, check=True)


if __name__ == "__main__":
    main()
