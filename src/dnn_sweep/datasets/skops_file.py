"""A fitted scikit-learn object in a file, without pickle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from kedro.io import AbstractDataset

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.outputs import missing_output, write_atomically


class SkopsDataset(AbstractDataset[Any, Any]):
    """Saves through ``skops.io``: loading runs no code from the file.

    Args:
        filepath: The ``.skops`` file.
        trusted: Types beyond scikit-learn's, NumPy's and SciPy's own that a file may hold, by
            dotted name.
        metadata: For plugins such as Kedro-Viz.
        written_by: The pipeline that saves it, for the error when it is missing.
    """

    def __init__(
        self,
        filepath: str,
        trusted: Sequence[str] = ("numpy.dtype",),
        metadata: dict[str, Any] | None = None,
        written_by: str | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._trusted = list(trusted)
        self._written_by = written_by
        self.metadata = metadata

    def load(self) -> Any:
        """Return the object.

        Raises:
            SweepError: When the file is missing or damaged, or holds a type that is not trusted.
        """
        import skops.io

        if not self._exists():
            raise missing_output(self._filepath, self._written_by)
        try:
            found = skops.io.get_untrusted_types(file=self._filepath)
            untrusted = set(found) - set(self._trusted)
            if untrusted:
                raise SweepError(
                    f"{self._filepath} was not read: it holds {', '.join(sorted(untrusted))}. "
                    f"Trusted are scikit-learn's own types and {', '.join(self._trusted)}. "
                    "Delete the file if you did not write it; if you did, add the type to "
                    "`trusted` of its catalog entry."
                )
            return skops.io.load(self._filepath, trusted=self._trusted)
        except (BadZipFile, KeyError) as error:
            raise SweepError(
                f"{self._filepath} is damaged or not a skops file ({error}). Delete it and run "
                "the pipeline that writes it again."
            ) from error

    def save(self, data: Any) -> None:
        """Write the object, whole or not at all."""
        import skops.io

        write_atomically(self._filepath, skops.io.dumps(data))

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "trusted": self._trusted}
