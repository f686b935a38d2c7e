"""The image: what is in it, and who runs in it. Nothing here needs Docker."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = [
    line
    for line in (ROOT / ".dockerignore").read_text().splitlines()
    if line and not line.startswith("#")
]


def is_sent(path: str) -> bool:
    """Whether Docker sends a file to the build: the last pattern that fits it decides."""
    sent = True
    parents = ["/".join(path.split("/")[:count]) for count in range(1, path.count("/") + 2)]
    for line in IGNORED:
        pattern = line.removeprefix("!")
        anywhere = pattern.removeprefix("**/")
        if any(fnmatch(part, pattern) or fnmatch(part, anywhere) for part in parents) or (
            pattern != anywhere and any(fnmatch(part.split("/")[-1], anywhere) for part in parents)
        ):
            sent = line.startswith("!")
    return sent


def test_it_runs_the_main_job_as_a_user_without_privileges():
    command = json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.M)[-1])
    assert " ".join(command) == "kedro run --pipeline=train"
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.M)[-1] not in {"root", "0"}
    assert "--require-hashes" in DOCKERFILE


def test_it_holds_what_a_run_needs_and_neither_data_nor_secrets():
    needed = ["src/dnn_sweep/settings.py", "conf/base/catalog.yml", "conf/mnist/globals.yml"]
    needed += ["pyproject.toml", "requirements.lock", "conf/local/.gitkeep"]
    unwanted = ["data/01_raw/my.csv", "mlflow.db", "mlruns/1/model.keras", ".env", ".git/config"]
    unwanted += ["conf/local/parameters.yml", "conf/base/credentials.yml", "tests/conftest.py"]
    unwanted += ["src/dnn_sweep/__pycache__/settings.pyc", ".venv/bin/python"]
    assert [path for path in needed if not is_sent(path)] == []
    assert [path for path in unwanted if is_sent(path)] == []


def test_both_volumes_hold_what_a_run_writes():
    volumes = json.loads(re.search(r"^VOLUME (.+)$", DOCKERFILE, re.M)[1])
    page = (ROOT / "docs" / "deploy.md").read_text()
    database = re.search(r"MLFLOW_TRACKING_URI=sqlite:///(\S+)", DOCKERFILE)[1]
    assert Path(database).parent.as_posix() in volumes
    for volume in volumes:
        assert f"| `{volume}` |" in page
        assert f":{volume}" in page
