"""The memory that is free, within containers too, and a GPU in place of the processor."""

import os
import resource
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from dnn_sweep.core.training import device
from dnn_sweep.core.training.device import Device, cores, free_memory


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with 1,000 bytes, and a folder for its control groups."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))

    def free(membership, files):
        (tmp_path / "self").write_text(membership)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return free_memory(tmp_path, tmp_path / "self")

    return free


V2 = {"memory.max": "500\n", "memory.current": "300\n"}
V1 = {"memory.limit_in_bytes": "500\n", "memory.usage_in_bytes": "300\n"}


def test_memory_is_what_the_system_has_where_nothing_limits_it(machine, tmp_path):
    assert machine("0::/\n", {}) == 1000
    assert machine("0::/\n", {"memory.max": "max\n", "memory.current": "300\n"}) == 1000
    assert free_memory(tmp_path, tmp_path / "not-linux") == 1000


def test_a_limit_on_addresses_counts(machine, monkeypatch):
    used = psutil.Process().memory_info().vms
    monkeypatch.setattr(resource, "getrlimit", lambda _: (used - 1, -1))
    assert machine("0::/\n", {}) == 0
    monkeypatch.setattr(resource, "getrlimit", lambda _: (used + 10**12, -1))
    assert machine("0::/\n", {}) == 1000


def test_where_tensorflow_would_abort_for_want_of_addresses_it_is_not_loaded():
    code = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, resource.RLIM_INFINITY))
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import keras
try:
    keras.Input
except SweepError as error:
    print(error, "tensorflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("this process may have 4.0 GB of addresses (ulimit -v)")
    assert done.stdout.endswith("False\n")


def test_a_containers_limit_counts_in_version_2_and_cached_files_are_free(machine):
    assert machine("0::/\n", V2) == 200
    assert machine("0::/\n", {"memory.stat": "anon 200\ninactive_file 70\n"}) == 270


def test_a_containers_limit_counts_in_version_1(machine):
    lines = "9:name=systemd:/\n4:cpu,memory:/own/group\n0::/\n"
    assert machine(lines, {f"memory/{name}": text for name, text in V1.items()}) == 200
    statistics = "inactive_file 9\ntotal_inactive_file 60\n"
    assert machine(lines, {"memory/memory.stat": statistics}) == 260


def test_the_tightest_limit_of_the_groups_above_counts(machine):
    files = {f"a/{name}": text for name, text in V2.items()}
    assert machine("0::/a/b\n", files) == 200
    assert machine("0::/a/b\n", {"a/b/memory.max": "50", "a/b/memory.current": "40"}) == 10
    assert machine("0::/a/b\n", {"a/b/memory.current": "60"}) == 0


def test_the_memory_of_this_machine_is_found():
    assert 0 < Device.detect().free_memory <= psutil.virtual_memory().total


OWN = "cpu/own/cpu.cfs"


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {}, 8),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "5000 100000\n"}, 1),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "max 100000"}, 3),
        ("4:cpu,cpuacct:/own\n", {f"{OWN}_quota_us": "-1", f"{OWN}_period_us": "100000"}, 8),
        ("4:cpu,cpuacct:/own\n", {f"{OWN}_quota_us": "400000", f"{OWN}_period_us": "100000"}, 4),
    ],
)  # fmt: skip
def test_a_containers_share_of_the_cores_counts(membership, files, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8))
    (tmp_path / "self").write_text(membership)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores(tmp_path, tmp_path / "self") == expected


def test_a_gpu_is_found_with_its_memory(monkeypatch):
    config = SimpleNamespace(list_physical_devices=lambda kind: [kind])
    monkeypatch.setattr(device, "tf", SimpleNamespace(config=config))
    found = Device.detect()
    assert found.is_gpu
    assert found.workers == 1
    assert found.free_memory > 0
