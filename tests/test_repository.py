"""What may be in the repository, and that its promises about itself hold."""

import re
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Spelt in pieces, so that this file is not found by its own search.
PACKAGE_HOSTS = re.compile(
    r"(?:pypi|pythonhosted|anaconda|conda)\.(?:org|com|io)\b"
    + r"|--find-"
    + "links|--(?:extra-)?index-"
    + "url"
)
MACHINE_PATHS = re.compile(r"(?<![\w.$}{])/(?:home|root|Users|opt|work|mnt)/[\w.-]+")


def tracked_files() -> list[Path]:
    """Files that git would carry into a clone, and that are here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip(f"not a git checkout: {listed.stderr.strip()}")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def tracked_texts() -> dict[str, str]:
    """Every tracked file that is text."""
    texts = {}
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content:
            texts[path.relative_to(ROOT).as_posix()] = content.decode()
    return texts


def lines_that_match(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    """Where a pattern occurs, as ``file:line: text``."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_host() -> None:
    assert lines_that_match(PACKAGE_HOSTS, tracked_texts()) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert lines_that_match(MACHINE_PATHS, tracked_texts()) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (PACKAGE_HOSTS, "url = https://files.pythonhosted" + ".org/packages/x.whl"),
        (PACKAGE_HOSTS, "--find-" + "links wheels"),
        (MACHINE_PATHS, 'path = "/ho' + 'me/someone/data"'),
        (MACHINE_PATHS, "file:/" + "//Us" + "ers/someone/mlruns"),
    ],
)
def test_the_searches_find_what_they_look_for(pattern: re.Pattern[str], line: str) -> None:
    assert lines_that_match(pattern, {"file": line}) == [f"file:1: {line}"]


def test_no_file_is_larger_than_a_megabyte() -> None:
    assert [path.name for path in tracked_files() if path.stat().st_size > 1_000_000] == []


def test_no_data_and_no_run_is_tracked() -> None:
    written_by_a_run = re.compile(
        r"^(data/(?!.*\.gitkeep$)|mlruns/|mlflow\.db|uv\.lock$|conf/local/(?!\.gitkeep$))"
    )
    names = [path.relative_to(ROOT).as_posix() for path in tracked_files()]
    assert [name for name in names if written_by_a_run.match(name)] == []


# ---- requirements.lock ----------------------------------------------------------------------
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


# ---- checks ---------------------------------------------------------------------------------
def test_hooks_are_local_and_run_tools_of_the_dev_group() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    dev = {Requirement(each).name for each in PYPROJECT["dependency-groups"]["dev"]}
    package_of = {"lint-imports": "import-linter", "detect-secrets-hook": "detect-secrets"}
    for hook in config["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        tool = re.fullmatch(r"uv run --no-sync (\S+).*", hook["entry"])[1]
        assert package_of.get(tool, tool) in dev


# ---- notebooks ------------------------------------------------------------------------------
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_compiles(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            compile(cell.source, str(path), "exec")
