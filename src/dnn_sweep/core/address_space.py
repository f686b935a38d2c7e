"""Limits on the memory that a process may ask for, such as the shell's ``ulimit -v``."""

import sys

import psutil

from dnn_sweep.core.errors import SweepError

# What a sweep takes at most on two cores, most of it reserved by TensorFlow and never used. Where
# it is refused more, TensorFlow's own threads end the process without a word to Python.
LEAST = 5_000_000_000


def limit_of_address_space() -> int | None:
    """Bytes of addresses that this process may have; ``None`` without a limit."""
    if sys.platform == "win32":
        return None
    import resource  # which Windows lacks

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def address_space_left() -> int | None:
    """Bytes that this process may still ask for; ``None`` without a limit."""
    limit = limit_of_address_space()
    return None if limit is None else max(0, limit - psutil.Process().memory_info().vms)


def require_address_space() -> None:
    """Refuse to load TensorFlow where a limit would make it end the process.

    Raises:
        SweepError: If the limit is below ``LEAST``.
    """
    limit = limit_of_address_space()
    if limit is not None and limit < LEAST:
        raise SweepError(
            f"this process may have {limit / 1e9:.1f} GB of addresses (ulimit -v), and TensorFlow "
            f"reserves up to {LEAST / 1e9:.0f} GB, of which it uses a part: raise the limit to "
            f"{LEAST // 1000}, or limit the memory itself, by the container (docker run --memory) "
            "or the service (MemoryMax)"
        )
