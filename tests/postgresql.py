"""A PostgreSQL server of a test's own, where its programs are installed."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.local_servers import free_port

PROGRAMS = ("initdb", "pg_ctl")
# Nobody needs the data after the test.
QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def find_programs() -> dict[str, str]:
    """Where the programs are; Debian has them outside the PATH. Skips where there are none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, folders)])
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    if missing := [name for name, program in found.items() if program is None]:
        pytest.skip(f"no PostgreSQL: {' and '.join(missing)} not found (Debian: postgresql)")
    return {name: str(program) for name, program in found.items()}


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Run a server on a free port with an empty database; give the database's address."""
    programs = find_programs()
    # It refuses to run as root. Its folder lies where the other user may enter.
    user = "nobody" if os.geteuid() == 0 else None
    with TemporaryDirectory(prefix="postgresql_") as name:
        folder, port = Path(name), free_port()
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)

        def call(program: str, *arguments: str) -> None:
            # Into a file: the server, which goes on, would hold a pipe open.
            with (folder / "said").open("w+") as said:
                done = subprocess.run(
                    [programs[program], "-D", str(folder / "data"), *arguments],
                    user=user, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                    timeout=120, check=False,
                )  # fmt: skip
            assert done.returncode == 0, (folder / "said").read_text()

        call("initdb", "-U", "ann", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 {QUICK}"
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg2://ann@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")
