"""The file of a trained trial, ``status.json``, with checksums of itself and of its network.

One file has all but the network, since ten thousand trials are ten thousand times as many files.
"""

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult, no_network

STATUS_FILE = "status.json"
STATUS = ("status", "best_epoch", "seconds", "engine", "engine_reason", "versions")
SEAL = ',\n"sha256": "'  # what precedes the checksum of all that precedes it


class DamagedTrialError(ValueError):
    """A trial's files are not what was written."""


def write_trial(result: TrialResult, folder: Path) -> None:
    """Write a trial's files into a folder that is there."""
    network = result.checkpoint_name if result.keeps_network else None
    if network:
        if result.save_network is not None:
            result.save_network(folder / network)
        else:
            result.load_network().save(folder / network)
    tables = {"history": result.history, "diagnostics": result.diagnostics}
    content = {
        **{name: getattr(result, name) for name in STATUS},
        "network": network,
        "network_sha256": digest_of(folder / network) if network else None,
        "trial": result.trial.model_dump(mode="json"),
        **{name: table if table is None else _columns(table) for name, table in tables.items()},
        "outputs": _packed(result.outputs),
    }
    (folder / STATUS_FILE).write_text(sealed(content))


def read_trial(folder: Path, content: dict[str, Any]) -> TrialResult:
    """Build the result from what :func:`unsealed` has read of a folder."""
    network = content["network"]
    kept = folder / str(network)
    diagnostics = content["diagnostics"]
    return TrialResult(
        trial=Trial.model_validate(content["trial"]),
        history=pd.DataFrame(content["history"]),
        outputs=_unpacked(content["outputs"]),
        load_network=(lambda: keras.saving.load_model(kept)) if network else no_network,
        diagnostics=None if diagnostics is None else pd.DataFrame(diagnostics),
        **{name: content[name] for name in STATUS},
    )


def check_network(folder: Path, content: dict[str, Any]) -> None:
    """Compare the network's file with its checksum, if the trial has one.

    Raises:
        DamagedTrialError: If it is missing or was changed.
    """
    if (name := content["network"]) is None:
        return
    if Path(name).name != name or not (folder / name).is_file():
        raise DamagedTrialError(f"{name} is missing")
    if digest_of(folder / name) != content["network_sha256"]:
        raise DamagedTrialError(f"{name} does not have its checksum")


def release_network(folder: Path) -> bool:
    """Delete a trial's network; the rest of the trial stays as it is, and so do its times.

    What reads the trial's results need not run again.

    Returns:
        Whether there was one, in a file that this version wrote.
    """
    file = folder / STATUS_FILE
    content = unsealed(file.read_text())
    if not content.get("network"):
        return False
    times = {path: path.stat() for path in (file, folder)}
    del content["sha256"]
    part = folder / f".{STATUS_FILE}.part"
    part.write_text(sealed(content | {"network": None, "network_sha256": None}))
    flush(part)
    part.replace(file)  # first, so that a kill leaves a file too many and not one too few
    for network in folder.glob("*.keras"):
        network.unlink()
    keep_times(times)
    return True


def keep_times(times: Mapping[Path, os.stat_result]) -> None:
    """Set the times of modification of files and folders back to what they were."""
    for path, stat in times.items():
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def flush(path: Path) -> None:
    """Wait until a file, or the list of files in a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(file: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def sealed(content: dict[str, Any]) -> str:
    """Write as JSON that ends with the checksum of what precedes it; an object's keys on lines.

    >>> print(sealed({"epochs": [1, 2]}))  # doctest: +ELLIPSIS
    {
    "epochs": [1, 2],
    "sha256": "..."
    }
    """
    text = _spelled(content).removesuffix("\n}")
    return f'{text}{SEAL}{hashlib.sha256(text.encode()).hexdigest()}"\n}}'


def unsealed(text: str) -> dict[str, Any]:
    """Read what :func:`sealed` wrote; empty if the text never had a checksum.

    Raises:
        DamagedTrialError: If it is cut, or was changed.
    """
    if not text.strip():
        raise DamagedTrialError(f"{STATUS_FILE} is empty")
    before, seal, after = text.rpartition(SEAL)
    if seal and after == f'{hashlib.sha256(before.encode()).hexdigest()}"\n}}':
        found: dict[str, Any] = json.loads(text)
        return found
    if seal or '"trial"' in text:
        raise DamagedTrialError(f"{STATUS_FILE} does not have its checksum")
    return {}


def _spelled(value: object) -> str:
    """JSON with a line for each key, and each list on one line, as a person would read it."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    return "{\n" + ",\n".join(f'"{key}": {_spelled(each)}' for key, each in value.items()) + "\n}"


def _columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): column.tolist() for name, column in table.items()}


def _packed(values: NDArray[np.float32]) -> dict[str, Any]:
    content = np.ascontiguousarray(values, dtype="<f4").tobytes()
    packed = base64.b64encode(zlib.compress(content)).decode()
    return {"shape": list(values.shape), "float32_zlib_base64": packed}


def _unpacked(packed: dict[str, Any]) -> NDArray[np.float32]:
    content = zlib.decompress(base64.b64decode(packed["float32_zlib_base64"]))
    return np.frombuffer(content, dtype="<f4").astype(np.float32).reshape(packed["shape"])
