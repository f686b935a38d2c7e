"""The tables of all trials joined into one, each row with what identifies its trial."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dnn_sweep.core.comparison.scores import FACTORS, tabulate_trials
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult


def collect_histories(plan: TrialPlan, results: Mapping[str, TrialResult]) -> pd.DataFrame:
    """Join the histories of all trials.

    Returns:
        One row per trial and epoch: ``trial_id``, ``combination``, ``FACTORS``, ``seed``,
        ``status`` and ``engine``, then the columns of
        :attr:`~dnn_sweep.core.training.results.TrialResult.history`, of which ``learning_rate``
        is called ``epoch_learning_rate``.
    """
    trained = [results[trial.id] for trial in plan.trials]
    identities = tabulate_trials(plan.trials, ("trial_id", "combination", *FACTORS, "seed"))
    identities["status"] = [result.status for result in trained]
    identities["engine"] = [result.engine for result in trained]
    own = {"learning_rate": "epoch_learning_rate"}
    return label_rows(identities, [result.history.rename(columns=own) for result in trained])


def label_rows(identities: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join tables below one another, each row preceded by its table's row of ``identities``.

    Example:
        >>> tables = [pd.DataFrame({"epoch": [1, 2]}), pd.DataFrame({"epoch": [1]})]
        >>> label_rows(pd.DataFrame({"seed": [7, 8]}), tables).to_numpy().tolist()
        [[7, 1], [7, 2], [8, 1]]
    """
    lengths = [len(table) for table in tables]
    repeated = identities.iloc[np.repeat(np.arange(len(tables)), lengths)]
    joined = pd.concat(tables, ignore_index=True)
    return pd.concat([repeated.reset_index(drop=True), joined], axis=1)
