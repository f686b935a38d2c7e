"""``.keras`` files of many networks that differ in nothing but their weights.

Keras visits every attribute of a model to save it, which takes longer than writing the file. Here
Keras saves one network of a kind, as a template in which the weights' values are replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import h5py
import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.networks.network import Network
from dnn_sweep.parameters import Precision

# The documented layout of a .keras file: a zip archive with the configuration and this member.
WEIGHTS = "model.weights.h5"
FIRST_MARK = 1000.0


class NetworkFile:
    """A ``.keras`` file as Keras writes it, to be filled with other weights.

    Args:
        network: A built network; its weights stay as they are. It may be compiled, but not
            trained: an optimizer's state would be the same in every file.

    Raises:
        ValueError: If the network was trained, or a weight is not found in the file.
    """

    def __init__(self, network: keras.Model) -> None:
        optimizer = getattr(network, "optimizer", None)  # missing before `compile`
        if getattr(optimizer, "built", False):
            raise ValueError("the network was trained; build one for the template")
        weights = network.get_weights()
        # Each weight is marked by its values, so that nothing is assumed about Keras's names.
        network.set_weights([np.full_like(w, FIRST_MARK + i) for i, w in enumerate(weights)])
        try:
            with TemporaryDirectory() as folder:
                written = Path(folder, "template.keras")
                network.save(written)
                with ZipFile(written) as archive:
                    self._members = {name: archive.read(name) for name in archive.namelist()}
        finally:
            network.set_weights(weights)
        self._shapes = [weight.shape for weight in weights]
        self._places = _find_marks(self._members[WEIGHTS], self._shapes)

    def write(self, path: Path, weights: Sequence[NDArray[Any]]) -> None:
        """Write the network with weights in the order and shapes of ``network.get_weights()``.

        Raises:
            ValueError: If their number or a shape differs.
        """
        given = [np.shape(weight) for weight in weights]
        if given != self._shapes:
            raise ValueError(f"weights of shapes {given} do not fit a network of {self._shapes}")
        filled = bytearray(self._members[WEIGHTS])
        for (start, kind), weight in zip(self._places, weights, strict=True):
            values = np.asarray(weight, dtype=kind).tobytes()
            filled[start : start + len(values)] = values
        with ZipFile(path, "w") as archive:
            for name, content in self._members.items():
                archive.writestr(name, filled if name == WEIGHTS else content)


@lru_cache(maxsize=16)  # one is as large as a network
def network_file(network: Network, precision: Precision) -> NetworkFile:
    """The file of a network, to be filled with the weights of any trial that has it."""
    return NetworkFile(build_network(network, precision=precision))


def _find_marks(
    content: bytes, shapes: Sequence[tuple[int, ...]]
) -> list[tuple[int, np.dtype[Any]]]:
    """Find the offset in bytes and the type of each weight's values."""
    found: dict[int, tuple[int, np.dtype[Any]]] = {}

    def visit(name: str, item: Any) -> None:
        # There is no offset where values lie in pieces.
        if isinstance(item, h5py.Dataset) and (start := item.id.get_offset()) is not None:
            values = item[()]
            for position, shape in enumerate(shapes):
                if values.shape == shape and np.all(values == FIRST_MARK + position):
                    found[position] = start, item.dtype

    with h5py.File(BytesIO(content), "r") as store:
        store.visititems(visit)
    if len(found) != len(shapes):
        raise ValueError(f"the file holds {len(found)} of the network's {len(shapes)} weights")
    return [found[position] for position in range(len(shapes))]
