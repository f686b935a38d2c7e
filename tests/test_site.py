"""The documentation site: whole, in two languages, and with nothing from elsewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
LOADED = {"script", "link", "img", "iframe", "source", "audio", "video", "embed", "object"}

pytestmark = pytest.mark.slow


class Resources(HTMLParser):
    """The addresses of everything that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in LOADED:
            self.found += [value or "" for name, value in attrs if name in {"src", "href", "data"}]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def leaves(nav: object) -> list[str]:
    """The pages of a navigation, or of a part of it."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in leaves(part)]


def test_every_page_is_in_the_navigation_or_a_decision():
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    shown = leaves(load_config(str(ROOT / "mkdocs.yml")).nav)
    assert len(shown) == len(set(shown))
    assert {page for page in pages if not page.startswith("decisions/0")} == set(shown)


def test_the_site_has_every_page(site):
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    built = {path.relative_to(site) for path in site.rglob("*.html")}
    renamed = {Path("decisions/README.html")}
    assert pages - renamed <= built
    assert Path("decisions/index.html") in built


def test_nothing_is_loaded_from_elsewhere(site):
    outside = re.compile(r"^(https?:)?//")
    loaded = {}
    for page in site.rglob("*.html"):
        parser = Resources()
        parser.feed(page.read_text())
        loaded[page.name] = parser.found
    assert min(len(found) for found in loaded.values()) > 1
    assert [each for found in loaded.values() for each in found if outside.match(each)] == []
    styles = "\n".join(path.read_text() for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"']*", styles) == []


def test_korean_pages_are_korean_and_the_switch_leads_to_them(site):
    english = (site / "index.html").read_text()
    assert '<html lang="en"' in english
    assert re.search(r'<a href="(?:\./)?ko/index.html" hreflang="ko"', english)
    for page in (site / "ko").glob("*.html"):
        text = page.read_text()
        assert '<html lang="ko"' in text
        assert 'placeholder="검색"' in text
        assert re.search(r'<a href="\.\./index.html" hreflang="en"', text)
    assert len(list((site / "ko").glob("*.html"))) == 6


def test_the_reference_shows_fields_with_their_defaults_and_examples_as_code(site):
    text = re.sub(r"<[^>]+>", "", (site / "reference" / "parameters.html").read_text())
    assert "extensions: NonNegativeInt = 1" in text
    assert "How often the grid of a combination grows" in text
    examples = (site / "reference" / "nodes.html").read_text()
    assert '<span class="gp">&gt;&gt;&gt; </span>' in examples
    assert "&gt;&gt;&gt; " not in re.sub(r"<pre>.*?</pre>", "", examples, flags=re.S)
