"""A file in the IDX format of MNIST: a magic number, the sizes, then one byte per value."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pooch
from numpy.typing import NDArray

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.file_content import read_content

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class IdxFile:
    """A file of an IDX data set.

    Args:
        name: Its name once decompressed; with ``.gz`` added, its name on a server.
        sha256: SHA-256 of the decompressed content, in hexadecimal.
    """

    name: str
    sha256: str

    def find_in(self, folder: Path) -> Path | None:
        """Return its path in a folder, decompressed or as ``.gz``; ``None`` if it is missing."""
        paths = (folder / self.name, folder / f"{self.name}.gz")
        return next((path for path in paths if path.is_file()), None)

    def download(self, sources: Sequence[str], folder: Path) -> Path:
        """Download and decompress it from the first base URL that has it intact.

        Raises:
            SweepError: If no source has it; says what went wrong at each.
        """
        failures = []
        for source in sources:
            url = f"{source.rstrip('/')}/{self.name}.gz"
            try:
                # pooch checks a temporary file beside the place and moves it there last.
                return Path(pooch.retrieve(url, self.sha256, self.name, folder, None, _fetch))
            except (OSError, ValueError, SweepError) as error:  # ValueError: another checksum
                failures.append(f"  {url}: {error}")
        raise SweepError(f"Could not download {self.name}.gz:\n" + "\n".join(failures))

    def read(self, path: Path, dimensions: int) -> NDArray[np.uint8]:
        """Check the checksum; return the values in 3 dimensions (images) or in 1 (labels).

        Raises:
            SweepError: If the file is damaged, is another one, or is not of the IDX format.
        """
        try:
            content = read_content(path)
        except SweepError as error:
            raise SweepError(f"{path}: {error}") from None
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise SweepError(
                f"{path} is not the published file: SHA-256 of the decompressed content: "
                f"expected {self.sha256}, found {found}"
            )
        header = np.frombuffer(content, ">u4", count=min(1 + dimensions, len(content) // 4))
        magic, shape = 0x0800 + dimensions, tuple(map(int, header[1:]))
        if header[:1].tolist() != [magic]:
            raise SweepError(
                f"{path}: not an IDX file of {'images' if dimensions == 3 else 'labels'}: it "
                f"begins with {content[:4]!r}, {magic.to_bytes(4, 'big')!r} is expected"
            )
        values = np.frombuffer(content, np.uint8, offset=header.nbytes)
        if len(shape) != dimensions or values.size != np.prod(shape, dtype=object):
            raise SweepError(
                f"{path}: the header promises {' x '.join(map(str, shape))} bytes, the file "
                f"holds {values.size}"
            )
        if not values.size:
            raise SweepError(f"{path}: the file holds nothing but its header")
        return values.reshape(shape)


def _fetch(url: str, output_file: str, _: pooch.Pooch | None) -> None:
    fetch = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT_SECONDS)
    fetch(url, output_file, None)
    path = Path(output_file)
    content = read_content(path)
    path.unlink()  # pooch's temporary file is for its owner alone; a new one follows the umask
    path.write_bytes(content)
