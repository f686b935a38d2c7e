"""The content of a file of the user's, unpacked, as far as it fits into memory."""

import gzip
import zlib
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.training.device import free_memory

GZIP = b"\x1f\x8b"
CHUNK = 1 << 24
# Text and pixels become 2 to 50 times smaller when packed. A file that promises far more than
# that, and more than this many bytes, was made to fill somebody's memory.
USUAL, SMALL = 200, 1 << 30


def read_content(path: Path) -> bytes:
    """Read a file; if its content or its name says that it is packed by gzip, unpack it.

    Raises:
        SweepError: If it is damaged, or too large for the memory that is free.

    >>> _ = Path("my.csv.gz").write_bytes(gzip.compress(b"age,label"))
    >>> read_content(Path("my.csv.gz"))
    b'age,label'
    """
    size = path.stat().st_size
    check_size(size, size)
    content = path.read_bytes()
    if not content.startswith(GZIP) and path.suffix.lower() != ".gz":
        return content
    pieces, unpacked = [], 0
    try:
        with gzip.open(BytesIO(content)) as file:
            while piece := file.read(CHUNK):
                pieces.append(piece)
                check_size(unpacked := unpacked + len(piece), size)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SweepError(f"the gzip file is damaged ({error})") from None
    return b"".join(pieces)


def check_archive(content: bytes) -> None:
    """Refuse a ZIP archive, such as a workbook, that would unpack to more than fits.

    Raises:
        SweepError: If it is too large.
        BadZipFile: If it is damaged.
    """
    with ZipFile(BytesIO(content)) as archive:
        check_size(sum(each.file_size for each in archive.infolist()), len(content))


def unpack_only_file(content: bytes) -> tuple[str, bytes] | None:
    """Name, in lower case, and content of the only file in a ZIP archive.

    Returns:
        ``None`` if the archive is a workbook, or no archive that can be opened.

    Raises:
        SweepError: If it holds another number of files, is too large, or cannot be unpacked.
    """
    try:
        archive = ZipFile(BytesIO(content))
    except (BadZipFile, ValueError, NotImplementedError):
        return None
    with archive:
        files = [each for each in archive.namelist() if not each.endswith("/")]
        files = [each for each in files if not each.startswith("__MACOSX/")]
        if any(each.startswith(("[Content_Types]", "xl/")) for each in files):
            return None
        if len(files) != 1:
            raise SweepError(
                f"the zip archive holds {len(files)} files ({', '.join(files[:5])}); extract it "
                "and name the table"
            )
        check_archive(content)
        try:
            return files[0].lower(), archive.read(files[0])
        except Exception as error:  # noqa: BLE001 - damaged, encrypted or packed in an odd way
            raise SweepError(f"the zip archive cannot be unpacked ({error})") from None


def check_size(unpacked: int, packed: int) -> None:
    """Refuse a content of so many bytes, from a file of so many.

    Raises:
        SweepError: If half of the free memory cannot hold it, or no table packs so well.
    """
    free = free_memory()
    if unpacked > free // 2:
        raise SweepError(
            f"the file holds {unpacked / 1e9:,.1f} GB or more, and {free / 1e9:,.1f} GB of memory "
            "are free, of which reading needs at least twice as much: give a part of its rows"
        )
    if unpacked > max(SMALL, USUAL * packed):
        raise SweepError(
            f"the file of {packed:,} bytes unpacks to {unpacked:,} or more: no table packs so well"
        )
