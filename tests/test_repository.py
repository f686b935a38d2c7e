"""The lock file and the list of checks agree with pyproject.toml."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)


def locked() -> tuple[dict[str, set[str]], set[str]]:
    """The versions pinned for each package, and the names pinned because pyproject asks."""
    versions: dict[str, set[str]] = {}
    direct: set[str] = set()
    name = ""
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if pin := PIN.match(line):
            name = canonicalize_name(pin["name"])
            versions.setdefault(name, set()).add(pin["version"])
        elif "dnn-sweep (pyproject.toml)" in line:
            direct.add(name)
    return versions, direct


def test_the_lock_pins_what_pyproject_asks_for() -> None:
    versions, direct = locked()
    wanted = [Requirement(each) for each in PYPROJECT["project"]["dependencies"]]
    assert direct == {canonicalize_name(each.name) for each in wanted}
    unsatisfied = [
        f"{each}: locked {version}"
        for each in wanted
        for version in versions[canonicalize_name(each.name)]
        if version not in each.specifier
    ]
    assert unsatisfied == []


def test_every_pin_of_the_lock_has_a_hash() -> None:
    entries = re.split(r"\n(?=[\w.-]+==)", (ROOT / "requirements.lock").read_text())
    assert len(entries) > 50
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_hooks_fetch_nothing_and_run_tools_of_the_dev_group() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system", "pygrep", "fail"}
    tools = {
        tool for hook in hooks for tool in re.findall("^uv run --no-sync (\\S+)", hook["entry"])
    }
    assert len(tools) == 6
    dev = {Requirement(each).name for each in PYPROJECT["dependency-groups"]["dev"]}
    package_of = {"lint-imports": "import-linter", "detect-secrets-hook": "detect-secrets"}
    assert {package_of.get(tool, tool) for tool in tools} <= dev
