"""A fitted scikit-learn object in a file, without pickle."""

from collections.abc import Sequence
from typing import Any
from zipfile import BadZipFile

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import skops_io
from dnn_sweep.datasets.base import OutputDataset, write_atomically


class SkopsDataset(OutputDataset[Any]):
    """Saves through ``skops.io``: loading runs no code from the file.

    Args:
        trusted: Dotted names of types that a file may hold beyond those of scikit-learn, NumPy
            and SciPy.

    >>> dataset = SkopsDataset("preprocessor.skops")
    >>> dataset.save(preprocessor)
    >>> type(dataset.load()).__name__
    'ColumnTransformer'
    """

    trusted: Sequence[str] = ("numpy.dtype",)

    def load(self) -> Any:
        """Return the object.

        Raises:
            SweepError: If the file is missing or damaged, or holds a type that is not trusted.
        """
        self._require()
        try:
            found = skops_io.get_untrusted_types(file=self._filepath)
            if untrusted := sorted(set(found) - set(self.trusted)):
                raise SweepError(
                    f"{self._filepath} was not read: it holds {', '.join(untrusted)}. "
                    f"Trusted are scikit-learn's own types and {', '.join(self.trusted)}. "
                    "Delete the file if you did not write it; if you did, add the type to "
                    "`trusted` of its catalog entry."
                )
            return skops_io.load(self._filepath, trusted=list(self.trusted))
        except (BadZipFile, KeyError) as error:
            raise SweepError(
                f"{self._filepath} is damaged or not a skops file ({error}). Delete it and run "
                "the pipeline that writes it again."
            ) from error

    def save(self, data: Any) -> None:
        """Write the object, whole or not at all."""
        write_atomically(self._filepath, skops_io.dumps(data))
