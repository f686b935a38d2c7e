"""Several processes write the same trials at once; a reader never sees half of one."""

import multiprocessing

import numpy as np
import pytest

from dnn_sweep.datasets.trial_store import TrialStoreDataset
from tests.builders import make_plan, make_result

TRIALS, WRITERS = 10, 3


def write(folder, trials, start):
    """Write every trial, every other one replacing that of another process."""
    dataset = TrialStoreDataset(folder)
    start.wait()
    for number, trial in enumerate(trials):
        result = make_result(trial, np.full((50, 3), trial.seed))

        def save_network(path, seed=trial.seed):
            path.write_bytes(bytes([seed]) * 50_000)

        changes = {"load_network": None, "save_network": save_network, "replaces": number % 2}
        dataset.save(type(result)(**{**vars(result), **changes}))


@pytest.mark.slow
def test_several_processes_publish_no_half_trial(tmp_path, caplog):
    spawn = multiprocessing.get_context("spawn")
    folder, start = str(tmp_path / "trials"), spawn.Event()
    trials = make_plan(training={"seeds": list(range(TRIALS))}).trials
    writers = [spawn.Process(target=write, args=(folder, trials, start)) for _ in range(WRITERS)]
    for each in writers:
        each.start()
    start.set()
    while any(each.is_alive() for each in writers):
        for trial_id, result in TrialStoreDataset(folder).load().items():
            assert result.trial.id == trial_id
            assert (result.outputs == result.trial.seed).all()
    for each in writers:
        each.join()
        assert each.exitcode == 0
    assert not caplog.messages
    assert len(TrialStoreDataset(folder).load()) == TRIALS
    assert len(list((tmp_path / "trials").iterdir())) == TRIALS
