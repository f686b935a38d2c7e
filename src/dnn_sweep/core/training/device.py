"""The machine: how many trials or cohorts train at the same time, and how much memory is free.

A container may have fewer cores and less memory than its machine.

The branches for a GPU follow TensorFlow's documentation and have never run on one.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil

from dnn_sweep.core.address_space import address_space_left
from dnn_sweep.core.lazy import tf

CGROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
# Files of a control group: limit, usage; and in `memory.stat` what of it is cached files.
_VERSION_2 = ("memory.max", "memory.current", "inactive_file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


@dataclass(frozen=True)
class Device:
    """What trains: a processor or a GPU."""

    workers: int  # cohorts that train at the same time: one per core, or one on a GPU
    free_memory: int  # bytes that TensorFlow may still use
    is_gpu: bool = False

    @classmethod
    def detect(cls) -> "Device":
        """Describe the device that TensorFlow uses."""
        if tf.config.list_physical_devices("GPU"):
            from tensorflow.python.client.device_lib import list_local_devices

            return cls(1, max(each.memory_limit for each in list_local_devices()), is_gpu=True)
        return cls(cores(), free_memory())


def cores(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Cores this process may keep busy, within the quotas of its containers; see `free_memory`."""
    affinity = getattr(os, "sched_getaffinity", None)
    found = len(affinity(0)) if affinity else os.cpu_count() or 1
    for folder, version in _groups("cpu", cgroups, membership):
        if version == 2:
            times = _numbers(_text(folder / "cpu.max").split())
        else:
            times = _numbers_in(folder, "cpu.cfs_quota_us", "cpu.cfs_period_us")
        if times:  # microseconds of computing in every so many microseconds
            found = min(found, -(-times[0] // times[1]))
    return max(1, found)


def free_memory(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Bytes this process may still use: what the system has, within its own limits.

    These are the limits of its containers, and of its addresses (``ulimit -v``).

    ``cgroups`` is where Linux mounts the hierarchies of control groups; its file ``membership``
    names the groups of this process. Other systems have neither.
    """
    free = [int(psutil.virtual_memory().available)]
    if (left := address_space_left()) is not None:
        free.append(left)
    for folder, version in _groups("memory", cgroups, membership):
        limit, used, cache = _VERSION_2 if version == 2 else _VERSION_1
        numbers = _numbers_in(folder, limit, used)
        if numbers:
            # The kernel gives up cached files when memory runs short.
            cached = re.search(rf"^{cache} (\d+)$", _text(folder / "memory.stat"), re.M)
            free.append(numbers[0] - numbers[1] + (int(cached[1]) if cached else 0))
    return max(0, min(free))


def _groups(controller: str, cgroups: Path, membership: Path) -> Iterator[tuple[Path, int]]:
    """Folders of the groups of this process, and of those above, with the hierarchy's version."""
    for line in _text(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mount, version = cgroups, 2
        elif controller in controllers.split(","):
            mount, version = cgroups / controller, 1
        else:
            continue
        own = PurePosixPath(path.strip("/"))
        for group in (own, *own.parents):  # a parent's limit holds too
            yield mount / group, version


def _numbers_in(folder: Path, *names: str) -> list[int]:
    """The numbers in some files; none where one is missing or has none, such as ``max``."""
    return _numbers([_text(folder / name).strip() for name in names])


def _numbers(texts: list[str]) -> list[int]:
    return list(map(int, texts)) if all(map(str.isdecimal, texts)) else []


def _text(file: Path) -> str:
    return file.read_text() if file.is_file() else ""
