import re
from pathlib import Path

from dnn_sweep.core.diagnosis.verdicts import VERDICTS
from dnn_sweep.core.reporting.glossary import explain_terms, read_glossary

PAGE = Path(__file__).parents[3] / "docs" / "glossary.md"


def test_the_documentation_has_the_same_glossary():
    table = [f"| {each.term} | {each.meaning} |" for each in read_glossary()]
    assert PAGE.read_text().splitlines()[-len(table) :] == table
    terms = [each.term.lower() for each in read_glossary()]
    assert terms == sorted(terms)


def test_every_verdict_can_be_looked_up():
    known = {each.term for each in read_glossary()} | {"dead units"}
    assert set(VERDICTS) <= known


def test_a_term_is_explained_once_in_each_section_and_reached_with_the_keyboard():
    page = explain_terms("<p>Seeds, tied; a seed.</p><h2>Tied</h2><p>Tied again</p>")
    assert re.findall(r'<abbr tabindex="0" title="[^"]+">(\w+)</abbr>', page) == [
        "Seeds", "tied", "Tied",
    ]  # fmt: skip
    assert "a seed.</p><h2>Tied</h2>" in page


def test_the_longest_term_is_explained_and_words_that_hold_one_are_not():
    page = explain_terms("<p>calibration error, untied, seedling, learning rate too low</p>")
    assert re.findall(r">([\w ]+)</abbr>", page) == ["calibration error", "learning rate too low"]


def test_code_attributes_links_and_headings_stay_as_they_are():
    for page in (
        "<script>let seed = 1</script>",
        "<pre>training.seeds=5</pre>",
        '<p title="a seed"></p>',
        '<a href="#seed">seed</a>',
        "<h1>tied</h1>",
    ):
        assert explain_terms(page) == page


def test_no_hover_text_has_markup():
    assert not [each.term for each in read_glossary() if set("`[<") & set(each.plain)]
