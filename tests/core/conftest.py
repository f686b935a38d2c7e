"""Networks of the user's own, for tests of what builds and trains them."""

import sys

import pytest


@pytest.fixture
def function(tmp_path, monkeypatch):
    """Write a module with the given source; return ``module:build``."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def write(source):
        names.append(f"own_network_{tmp_path.name}_{len(names)}".replace("-", "_"))
        (tmp_path / f"{names[-1]}.py").write_text(source)
        return f"{names[-1]}:build"

    yield write
    for name in names:
        sys.modules.pop(name, None)
