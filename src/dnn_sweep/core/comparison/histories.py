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
        (with folds also ``fold``), ``status`` and ``engine``, then the columns of
        :attr:`~dnn_sweep.core.training.results.TrialResult.history`, of which ``learning_rate``
        is called ``epoch_learning_rate``.
    """
    trained = [results[trial.id] for trial in plan.trials]
    folds = ("fold",) if plan.trials[0].fold is not None else ()
    columns = ("trial_id", "combination", *FACTORS, "seed", *folds)
    identities = tabulate_trials(plan.trials, columns).assign(
        status=[result.status for result in trained], engine=[result.engine for result in trained]
    )
    own = {"learning_rate": "epoch_learning_rate"}
    return label_rows(identities, [result.history.rename(columns=own) for result in trained])


def label_rows(identities: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join tables below one another, each row preceded by its table's row of ``identities``."""
    repeated = identities.loc[np.repeat(identities.index, [len(table) for table in tables])]
    joined = pd.concat(tables, ignore_index=True)
    return pd.concat([repeated.reset_index(drop=True), joined], axis=1)
