"""Files that trials write while they train (``params:logs``)."""

from dnn_sweep.parameters.base import Parameters


class LoggingParameters(Parameters):
    """Files that trials write while they train (``params:logs``).

    Args:
        folder: Parent of one folder per trial, and of ``tensorboard``.
        csv: Keras's ``CSVLogger``: one line per epoch, to follow a long trial.
        tensorboard: Event files for TensorBoard, of each trial of the finals as it ends.

    >>> LoggingParameters(folder="logs").tensorboard
    False
    """

    folder: str
    csv: bool = True
    tensorboard: bool = False
