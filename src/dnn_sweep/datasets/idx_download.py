"""Downloading IDX files so that a file is either whole and checked, or not there."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.idx_format import IdxFile, read_content

CHUNK_BYTES = 1 << 16
TIMEOUT_SECONDS = 30


def download(file: IdxFile, sources: Sequence[str], folder: Path) -> Path:
    """Download one file from the first of its homes that gives it whole.

    It is written to a temporary folder beside its place and moved there once its content is
    checked: what an interruption leaves behind is never taken for the file.

    Args:
        file: What to download; ``.gz`` is added to its name.
        sources: Base URLs, tried in order.
        folder: Where it is kept; made if need be.

    Returns:
        The file's path.

    Raises:
        SweepError: When no home gave it; says what went wrong at each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{file.name}.gz"
    failures = []
    for source in sources:
        url = f"{source.rstrip('/')}/{name}"
        # In the same folder, so that moving it into place is one atomic step.
        with TemporaryDirectory(prefix=".download-", dir=folder) as scratch:
            part = Path(scratch, name)
            if failure := _fetch(url, part, file):
                failures.append(f"  {url}: {failure}")
                continue
            return part.replace(folder / name)
    raise SweepError(f"Could not download {name}:\n" + "\n".join(failures))


def _fetch(url: str, part: Path, file: IdxFile) -> str | None:
    from pooch import HTTPDownloader
    from tqdm import tqdm

    try:
        # `disable=None` draws the bar in a terminal only. The total is a placeholder until the
        # size is known: pooch leaves out a bar of total 0.
        with tqdm(
            total=1, desc=part.name, unit="B", unit_scale=True, ncols=79, disable=None
        ) as bar:
            fetch = HTTPDownloader(progressbar=bar, chunk_size=CHUNK_BYTES, timeout=TIMEOUT_SECONDS)
            fetch(url, output_file=str(part), pooch=None)
        return file.mismatch(read_content(part))
    except SweepError as error:
        return str(error).removeprefix(f"{part}: ")
    except OSError as error:  # every exception of requests is one
        return str(error)
