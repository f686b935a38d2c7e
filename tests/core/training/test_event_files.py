"""What TensorBoard reads of a sweep that both engines have trained."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.util.tensor_util import make_ndarray

from dnn_sweep.core.plan.learning_rates import at_every_rate
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.event_files import EventFiles
from dnn_sweep.core.training.screening import Screening
from dnn_sweep.core.training.sweep import Sweep
from dnn_sweep.parameters import LoggingParameters, ScreeningParameters, TrainingParameters
from tests.builders import make_data, make_plan, make_result
from tests.core.training.test_sweep import Display

SCREENING = ScreeningParameters(enabled=True, factors=(1, 10), extensions=0)
GRID = {"optimizers": ["adam", "lamb"]}  # one engine each


def train(folder, finished=None):
    finals = make_plan(grid=GRID, training={"seeds": [0, 1], "epochs": 2})
    few = make_plan(grid=GRID, training={"seeds": [1000], "epochs": 1})
    logs = LoggingParameters(folder=str(folder), csv=False, tensorboard=True)
    training = TrainingParameters(engine="auto", seeds=(0, 1))
    screening = Screening(at_every_rate(few, SCREENING), SCREENING)
    sweep = Sweep(finals, screening, finished or {}, make_data(), Display(), training, logs)
    return [report.result for report in sweep.run()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("logs") / "tensorboard"


@pytest.fixture(scope="module")
def results(folder):
    return train(folder.parent)


def runs(folder):
    found = EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    return set(found.Runs())


def curves(folder):
    """Every scalar of a run: its epochs and values by tag."""
    read = EventAccumulator(str(folder)).Reload()
    return {
        tag: (
            [event.step for event in read.Tensors(tag)],
            [float(make_ndarray(event.tensor_proto)) for event in read.Tensors(tag)],
        )
        for tag in read.Tags()["tensors"]
    }


def told(folder, tag):
    """What a trial's folder tells the HParams plugin under a tag."""
    read = EventAccumulator(str(folder)).Reload().PluginTagToContent("hparams")
    return plugin_data_pb2.HParamsPluginData.FromString(read[tag])


def test_finals_of_both_engines_have_a_folder_by_combination_and_seed(folder, results):
    assert {each.engine for each in results} == {"stacked", "keras"}
    trials = [f"relu+{name}/seed{seed}" for name in ("adam", "lamb") for seed in (0, 1)]
    curved = {f"{run}/{part}" for run in trials for part in ("train", "validation")}
    assert runs(folder) == {*trials, *curved}


def test_curves_are_the_histories_under_the_tags_of_keras(folder, results):
    for result in results[-4:]:
        history, trial = result.history, result.trial
        of_trial = folder / trial.combination.replace(" + ", "+") / f"seed{trial.seed}"
        written = curves(of_trial / "train")
        assert written.keys() == {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"}
        written |= {f"val_{tag}": each for tag, each in curves(of_trial / "validation").items()}
        for tag, (epochs, values) in written.items():
            assert epochs == [1, 2]
            np.testing.assert_allclose(values, history[tag.replace("epoch_", "")], rtol=1e-6)


def test_hyperparameters_are_those_of_the_trial_and_seeds_are_one_group(folder, results):
    zero, one = (
        told(folder / "relu+lamb" / seed, metadata.SESSION_START_INFO_TAG).session_start_info
        for seed in ("seed0", "seed1")
    )
    given = zero.hparams
    assert given["activation"].string_value == "relu"
    assert given["optimizer"].string_value == "lamb"
    trial = next(each.trial for each in results[::-1] if each.trial.optimizer == "lamb")
    assert given["learning_rate"].number_value == pytest.approx(trial.learning_rate)
    assert given["batch_size"].number_value == 16
    assert zero.group_name == one.group_name == "relu + lamb"


def test_what_a_search_has_varied_is_among_the_hyperparameters(results, tmp_path):
    first = results[-1]
    varied = {"width": 8, "l2": 0.01, "schedule": None, "batch_normalization": True}
    fields = {name: getattr(first.trial, name) for name in Trial.model_fields}
    EventFiles(tmp_path).write(first.of(Trial(**fields | {"factors": varied})))
    (folder,) = tmp_path.glob("*/seed*")
    given = told(folder, metadata.SESSION_START_INFO_TAG).session_start_info.hparams
    assert given["width"].number_value == 8
    assert given["l2"].number_value == 0.01
    assert given["batch_normalization"].bool_value
    assert "schedule" not in given


def test_a_rerun_that_trains_nothing_writes_the_same_files_once(results, tmp_path):
    finished = {each.trial.id: each for each in results}
    stale = tmp_path / "tensorboard" / "tanh+adam" / "seed0"
    EventFiles(tmp_path / "tensorboard").write(make_result(results[-1].trial, np.zeros(1)))
    stale.mkdir(parents=True)
    train(tmp_path, finished)

    assert len(runs(tmp_path / "tensorboard")) == 4 + 2 * 4
    assert not stale.exists()
    assert curves(tmp_path / "tensorboard" / "relu+lamb" / "seed1" / "train")["epoch_loss"][0] == [
        1, 2
    ]  # fmt: skip


def test_a_trial_that_diverged_is_told_and_names_become_folders(tmp_path):
    grid = {"activations": [["relu", "tanh"]]}
    (trial,) = make_plan(grid=grid).trials
    EventFiles(tmp_path).write(make_result(trial, np.zeros(1), status="diverged"))

    (folder,) = tmp_path.glob("*/seed0")
    assert folder.parent.name == "relu-tanh+adam"
    ended = told(folder, metadata.SESSION_END_INFO_TAG).session_end_info
    assert ended.status == api_pb2.STATUS_FAILURE
