"""Networks of several widths and depths in one program train as each does alone."""

import numpy as np
import pytest

from dnn_sweep.core.plan.shapes import Shapes
from dnn_sweep.core.training.checkpoints import Checkpoints
from dnn_sweep.core.training.stacked import StackedEngine, Varied
from dnn_sweep.core.training.stacked.spec import ELEMENTWISE, OWN_SHAPE
from dnn_sweep.parameters import LoggingParameters
from tests.builders import make_data
from tests.core.training.stacked.sweeps import (
    Recorder,
    assert_engines_agree,
    assert_same,
    one,
    results_of,
)

SHAPES = Shapes(widths=(5, 9), depth=3, dropout=True, l2=True)
ACTIVATIONS = ("relu", "sigmoid", "tanh")


def sharing(cohort_size=4, shapes=SHAPES):
    return StackedEngine(cohort_size, varied=Varied(ACTIVATIONS, (), 4, shapes))


def trial(hidden, activation="sigmoid", optimizer="adam", seed=0, **network):
    return one(
        network={"hidden": hidden} | network,
        grid={"activations": [activation], "optimizers": [optimizer]},
        training={"seeds": [seed], "epochs": 3, "batch_size": 32},
    )


@pytest.mark.parametrize("normalized", [False, True])
def test_one_program_trains_networks_of_several_shapes(normalized):
    """With units that give 0.5 where nothing comes in, and with the dropout of each network."""
    # Where a gradient is 0 but for rounding, Adam's epsilon decides (see the tests of parity).
    own = {"batch_normalization": normalized, "optimizer": {"adam": {"epsilon": 1e-3}}}
    trials = [
        trial([9, 9, 9], dropout=0.2, **own),
        trial([6, 6], "tanh", dropout=0.5, l2=0.01, **own),
        trial([7], "relu", seed=1, **own),
        trial([8, 6, 7], dropout=0.1, seed=2, **own),
    ]
    heard = Recorder()
    assert_engines_agree(trials, make_data(), engine=sharing(), progress=heard)
    assert heard.compilations == [4]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name not in OWN_SHAPE])
def test_every_elementwise_optimizer_leaves_the_rest_alone(name):
    optimizer = {name: {"learning_rate": 0.03}}
    trials = [trial(hidden, optimizer=optimizer) for hidden in ([4], [3, 5], [5, 5, 5])]
    assert_engines_agree(trials, make_data(), engine=sharing())


def test_a_narrow_network_has_a_program_of_its_width_and_a_wider_one_its_own():
    heard = Recorder()
    alike = [trial([4, 4]), trial([5])]
    others = [trial([6]), trial([12]), trial([4] * 4)]
    results_of(sharing(1), alike + others, make_data(), progress=heard)
    assert heard.compilations == [1] * 4


def test_layers_are_measured_as_in_a_program_of_their_own():
    trials = [trial([6, 6]), trial([7])]
    shared = results_of(sharing(), trials, make_data(), measured=True)
    for each, own in results_of(StackedEngine(), trials, make_data(), measured=True).items():
        mine = shared[each].diagnostics
        assert list(mine["layer"].unique()) == list(own.diagnostics["layer"].unique())
        for name in mine.select_dtypes("number"):
            np.testing.assert_allclose(mine[name], own.diagnostics[name], atol=1e-3, err_msg=name)


def test_a_checkpoint_goes_on_in_its_program_and_not_in_one_of_another_shape(tmp_path, caplog):
    class Stopping(Recorder):
        def epoch_finished(self, trial, epoch, logs):
            if epoch == 2:
                raise KeyboardInterrupt

    data, logs = make_data(), LoggingParameters(folder=str(tmp_path / "logs"), csv=False)
    each = trial([6, 6], dropout=0.3, l2=0.01)
    whole = results_of(sharing(), [each], data)[each.id]
    now = iter(range(1000))
    kept = Checkpoints(tmp_path / "kept", 0.5, lambda: float(next(now)))
    for shapes, warns in (
        (SHAPES, False),
        (Shapes(widths=(11,), depth=3, dropout=True, l2=True), True),
    ):
        with pytest.raises(KeyboardInterrupt):
            results_of(sharing(), [each], data, progress=Stopping(), logs=logs, checkpoints=kept)
        caplog.clear()
        heard = Recorder()
        given = {"logs": logs, "progress": heard, "checkpoints": kept}
        again = results_of(sharing(shapes=shapes), [each], data, **given)[each.id]
        assert ("of another shape" in caplog.text) == warns
        assert (heard.epochs[0][1] == 1) == warns
        assert_same(again, whole, tolerance=1e-5 if warns else 0)
        kept.remove(each.id)
