"""The glossary: what the terms on a page mean, shown where a reader points at one."""

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from importlib.resources import files
from itertools import zip_longest

import yaml

# Left as they are: code, what is clicked on, headings.
LEFT = "script|style|title|pre|code|a|button|summary|nav|h1|h2|h3|svg|section|dt"
PIECES = re.compile(rf"(<({LEFT})\b.*?</\2>|<[^>]+>)", re.DOTALL)


@dataclass(frozen=True)
class Term:
    """An entry of the glossary; its meaning is a line of Markdown."""

    term: str
    meaning: str
    also: tuple[str, ...] = ()  # other spellings
    hover: bool = True  # whether pages explain it

    @property
    def plain(self) -> str:
        """The meaning without links and marks of code."""
        return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", self.meaning).replace("`", "")


@lru_cache(maxsize=1)
def read_glossary() -> tuple[Term, ...]:
    """Return all terms in alphabetical order.

    >>> [each.term for each in read_glossary()][:2]
    ['accuracy', 'alias']
    """
    text = files(__package__).joinpath("glossary.yml").read_text(encoding="utf-8")
    return tuple(
        Term(**entry | {"also": tuple(entry.get("also", ()))}) for entry in yaml.safe_load(text)
    )


def explain_terms(page: str) -> str:
    """Give each term of the glossary a hover text, where a section of an HTML page first has it.

    Terms can be reached with the keyboard, too.

    >>> explain_terms("<p>Two folds</p>")
    '<p>Two <abbr tabindex="0" title="A part of the rows outside the test split in
    cross-validation. Each trial is trained on the other folds and scored on this
    one. By default, each seed has one of them.">folds</abbr></p>'
    """
    words, pattern = _spellings()
    seen: set[str] = set()

    def explain(found: re.Match[str]) -> str:
        term = words[found[1].lower()]
        if term.term in seen:
            return found[0]
        seen.add(term.term)
        return f'<abbr tabindex="0" title="{escape(term.plain)}">{found[0]}</abbr>'

    texts = PIECES.split(page)[::3]  # between them the pieces, and what kind of piece each is
    pieces = [found[0] for found in PIECES.finditer(page)]
    written = []
    for text, piece in zip_longest(texts, pieces, fillvalue=""):
        written += [pattern.sub(explain, text), piece]
        if piece.startswith("<h2"):
            seen.clear()
    return "".join(written)


@lru_cache(maxsize=1)
def _spellings() -> tuple[dict[str, Term], re.Pattern[str]]:
    """Every spelling that pages explain, and the pattern that finds them, the longest first."""
    words = {
        word.lower(): term
        for term in read_glossary()
        if term.hover
        for word in (term.term, *term.also)
    }
    longest = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return words, re.compile(rf"(?<![\w&-])({longest})s?(?![\w-])", re.IGNORECASE)
