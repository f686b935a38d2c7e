"""What TensorBoard shows of a sweep: each trial's curves and hyperparameters, as event files."""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_sweep.core.lazy import LazyModule, tf
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult

if TYPE_CHECKING:
    from tensorboard.plugins import hparams
else:
    hparams = LazyModule("tensorboard.plugins.hparams")

CURVES = {"train": ("loss", "learning_rate"), "validation": ("loss",)}  # besides the metric


class EventFiles:
    """The event files of a sweep's finals, written from results, so the same for every engine.

    The tags are those of Keras's ``TensorBoard`` callback: ``epoch_loss`` and ``epoch_<metric>`` in
    ``train`` and ``validation``, ``epoch_learning_rate`` in ``train``; epochs count from 1.

    Args:
        folder: TensorBoard's ``--logdir``. What an earlier sweep wrote there is deleted.

    >>> files = EventFiles(Path("tensorboard"))
    >>> files.write(trial_results[champion_trial.id])
    >>> sorted(str(each.parent) for each in Path("tensorboard").rglob("events.out.tfevents.*"))
    ['tensorboard/relu+adam/seed0', '.../seed0/train', '.../seed0/validation']
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)

    def write(self, result: TrialResult) -> None:
        """Write a trial's curves and hyperparameters below ``relu+adam/seed0``."""
        trial = result.trial
        folder = self._folder / _file_name(trial.combination) / _replicate(trial)
        self._write_curves(folder, result)
        status = "STATUS_FAILURE" if result.is_diverged else "STATUS_SUCCESS"
        ended = hparams.summary.session_end_pb(getattr(hparams.api_pb2, status))
        with tf.summary.create_file_writer(str(folder)).as_default(step=0):
            # TensorBoard averages trials of the same group: here the seeds of a combination.
            hparams.api.hparams(_hyperparameters(result), trial_id=trial.combination)
            tf.summary.experimental.write_raw_pb(ended.SerializeToString())

    def _write_curves(self, folder: Path, result: TrialResult) -> None:
        for part, prefix in (("train", ""), ("validation", "val_")):
            with tf.summary.create_file_writer(str(folder / part)).as_default():
                for name in (*CURVES[part], result.trial.network.metric):
                    for epoch, value in enumerate(result.history[prefix + name], start=1):
                        tf.summary.scalar(f"epoch_{name}", value, step=epoch)


def _hyperparameters(result: TrialResult) -> dict[str, Any]:
    trial = result.trial
    return {
        "activation": trial.activation,
        "optimizer": trial.optimizer,
        "learning_rate": trial.learning_rate,
        "batch_size": trial.batch_size,
        "dropout": trial.dropout,
        "kernel_initializer": trial.kernel_initializer,
        "epochs": trial.epochs,
    } | {name: value for name, value in trial.factors.items() if value is not None}


def _replicate(trial: Trial) -> str:
    return f"seed{trial.seed}" if trial.fold is None else f"seed{trial.seed}-fold{trial.fold}"


def _file_name(combination: str) -> str:
    """Name a combination's folder: ``relu+adam``."""
    return re.sub(r"[^\w+.,=-]+", "_", combination.replace(" + ", "+"))
