"""Description of the machine that runs the measurements."""

import os
import platform
from pathlib import Path
from typing import Any


def describe_machine(isa: str | None = None) -> dict[str, Any]:
    """Processor, cores, memory and system of this machine; ``isa`` is what code is limited to."""
    cpu = _field("/proc/cpuinfo", "model name") or platform.processor()
    return {
        "cpu": f"{cpu}, running {isa.upper()} code" if isa else cpu,
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": round(int(_field("/proc/meminfo", "MemTotal").split()[0] or 0) / 2**20, 1)
        if _field("/proc/meminfo", "MemTotal")
        else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _field(file: str, name: str) -> str:
    path = Path(file)
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
