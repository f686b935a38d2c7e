import pytest

from dnn_sweep.core.champion.gate import choose_alias
from dnn_sweep.core.objectives import ACCURACY, MEAN_ABSOLUTE_ERROR
from dnn_sweep.parameters import RegistrationParameters


def test_first_champion_takes_the_alias():
    decision = choose_alias(0.1, None, ACCURACY, rows=9)
    assert decision.alias == "champion"
    assert "No version held" in decision.reason


@pytest.mark.parametrize(
    ("objective", "candidate", "holder", "alias"),
    [
        (ACCURACY, 0.92, 0.91, "champion"),
        (ACCURACY, 0.91, 0.91, "champion"),
        (ACCURACY, 0.90, 0.91, "challenger"),
        (MEAN_ABSOLUTE_ERROR, 41.0, 42.0, "champion"),
        (MEAN_ABSOLUTE_ERROR, 42.0, 42.0, "champion"),
        (MEAN_ABSOLUTE_ERROR, 43.0, 42.0, "challenger"),
    ],
)
def test_alias_moves_only_to_one_at_least_as_good(objective, candidate, holder, alias):
    decision = choose_alias(candidate, holder, objective, rows=360, holder="3")
    assert decision.alias == alias
    for part in (f"{candidate:.6g}", f"{holder:.6g}", "version 3", "360"):
        assert part in decision.reason


def test_rounding_of_single_precision_does_not_cost_the_alias():
    again = choose_alias(42.00000012, 42.0, MEAN_ABSOLUTE_ERROR, rows=9, holder="1")
    assert again.alias == "champion"
    worse = choose_alias(42.001, 42.0, MEAN_ABSOLUTE_ERROR, rows=9, holder="1")
    assert worse.alias == "challenger"


def test_a_holder_that_cannot_score_the_rows_keeps_the_alias_and_the_reason_says_so():
    decision = choose_alias(0.2, None, ACCURACY, rows=9, holder="4", obstacle="it predicts 'y'")
    assert decision.alias == "challenger"
    assert "Version 4" in decision.reason
    assert "it predicts 'y'" in decision.reason


def test_the_names_of_the_aliases_are_parameters():
    names = RegistrationParameters(alias="best", challenger_alias="second")
    worse = choose_alias(0.1, 0.2, ACCURACY, rows=9, holder="1", registration=names)
    assert worse.alias == "second"
    assert "'best'" in worse.reason
    assert choose_alias(0.1, None, ACCURACY, rows=9, registration=names).alias == "best"
