"""The IDX file format of MNIST: a magic number, the sizes, then one byte a value."""

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.errors import SweepError

GZIP_SIGNATURE = b"\x1f\x8b"
IMAGES_MAGIC = 2051
LABELS_MAGIC = 2049
_MEANING = {IMAGES_MAGIC: "images", LABELS_MAGIC: "labels"}


@dataclass(frozen=True)
class IdxFile:
    """A file of an IDX data set.

    Args:
        name: Its name once decompressed; with ``.gz`` added, its name at its home.
        sha256: SHA-256 of the decompressed content, in hexadecimal.
    """

    name: str
    sha256: str

    def find_in(self, folder: Path) -> Path | None:
        """Return its path in a folder, decompressed or as ``.gz``; ``None`` if it is not there."""
        paths = (folder / self.name, folder / f"{self.name}.gz")
        return next((path for path in paths if path.is_file()), None)

    def mismatch(self, content: bytes) -> str | None:
        """Say how content differs from what is expected; ``None`` where it does not."""
        found = hashlib.sha256(content).hexdigest()
        if found == self.sha256:
            return None
        return f"SHA-256 of the decompressed content: expected {self.sha256}, found {found}"


def read_content(path: Path) -> bytes:
    """Read a file, decompressed if it is a gzip file whatever its name says.

    Raises:
        SweepError: When the gzip file is damaged or ends early.
    """
    raw = path.read_bytes()
    if not raw.startswith(GZIP_SIGNATURE):
        return raw
    try:
        return gzip.decompress(raw)
    except EOFError:
        raise SweepError(f"{path}: the gzip file is cut short ({len(raw):,} bytes)") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SweepError(f"{path}: the gzip file is corrupt ({error})") from None


def parse(content: bytes, magic: int, where: Path) -> NDArray[np.uint8]:
    """Turn the content of an IDX file into an array.

    Args:
        content: The decompressed bytes.
        magic: ``IMAGES_MAGIC`` or ``LABELS_MAGIC``; its last byte is the number of dimensions.
        where: The file, for the error.

    Returns:
        The values, a read-only view of ``content``: images of shape ``(count, rows, columns)``
        or labels of shape ``(count,)``.

    Raises:
        SweepError: When the magic number is another one, or the header promises another number
            of bytes than there are.
    """
    dimensions = magic & 0xFF
    header = struct.Struct(f">{1 + dimensions}I")
    found = int.from_bytes(content[:4], "big")
    if len(content) < 4 or found != magic:
        kind = f", which means {_MEANING[found]}" if found in _MEANING else ""
        raise SweepError(
            f"{where}: not an IDX file of {_MEANING[magic]}: its magic number is {found}{kind}, "
            f"{magic} is expected"
        )
    if len(content) < header.size:
        raise SweepError(
            f"{where}: the file ends inside its header: {len(content)} bytes of {header.size}"
        )
    shape = header.unpack_from(content)[1:]
    promised = int(np.prod(shape, dtype=object))
    held = len(content) - header.size
    if promised != held:
        sizes = " x ".join(f"{size:,}" for size in shape)
        raise SweepError(
            f"{where}: the header promises {sizes} = {promised:,} bytes of "
            f"{_MEANING[magic]}, the file holds {held:,}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header.size).reshape(shape)
