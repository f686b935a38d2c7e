"""Verdicts on networks whose training succeeds or fails for a known reason."""

import pandas as pd
import pytest

from tests.core.diagnosis.known_causes import HEALTHY, HELD_OUT, KNOWN, train


@pytest.mark.slow
@pytest.mark.parametrize("sweeps", [KNOWN, HELD_OUT], ids=["known", "held_out"])
def test_verdicts_name_the_known_causes(sweeps):
    table = pd.concat([train(sweep, seed=0) for sweep in sweeps], ignore_index=True)

    right = [
        verdict in allowed
        for verdict, allowed in zip(table["verdict"], table["allowed"], strict=True)
    ]
    wrong = table[~pd.Series(right)].to_string(max_colwidth=None)
    assert sum(right) >= 0.95 * len(table) - 1e-9, wrong
    well = table["allowed"] == HEALTHY
    assert set(table.loc[well, "verdict"]) == {"healthy"}, wrong
    assert "healthy" not in set(table.loc[~well, "verdict"]), wrong


def test_there_are_enough_networks():
    assert sum(len(sweep.combinations) for sweep in KNOWN) >= 20
    healthy = [verdicts for sweep in KNOWN for verdicts in sweep.combinations.values()]
    assert healthy.count(HEALTHY) >= 5
