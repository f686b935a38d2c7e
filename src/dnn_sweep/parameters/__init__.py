"""The ``params:`` groups as frozen models, validated before anything runs."""

from dnn_sweep.parameters.base import Parameters, Precision, Task
from dnn_sweep.parameters.budget import BudgetParameters
from dnn_sweep.parameters.callbacks import (
    CHECKPOINT_FIELDS,
    CallbackParameters,
    CheckpointParameters,
    EarlyStoppingParameters,
    ReduceOnPlateauParameters,
)
from dnn_sweep.parameters.configuration import Configuration
from dnn_sweep.parameters.data import (
    DataParameters,
    SequenceParameters,
    experiment_of,
    name_of_table,
)
from dnn_sweep.parameters.evaluation import BASELINES, BaselineName, EvaluationParameters
from dnn_sweep.parameters.executor import ExecutorParameters
from dnn_sweep.parameters.factors import Factor, SearchFactors
from dnn_sweep.parameters.grid import (
    GridParameters,
    OptimizerEntry,
    Pair,
    ScheduleEntry,
    activation_name,
)
from dnn_sweep.parameters.inference import InferenceParameters
from dnn_sweep.parameters.logs import LoggingParameters
from dnn_sweep.parameters.network import ConvolutionBlock, HiddenLayer, NetworkParameters
from dnn_sweep.parameters.registration import RegistrationParameters, Serving
from dnn_sweep.parameters.scaling import ScalingParameters
from dnn_sweep.parameters.screening import ScreeningParameters
from dnn_sweep.parameters.search import SearchParameters
from dnn_sweep.parameters.split import SplitParameters
from dnn_sweep.parameters.sweep import SweepParameters
from dnn_sweep.parameters.tracking import TrackingParameters
from dnn_sweep.parameters.training import TrainingParameters

__all__ = [
    "BASELINES",
    "CHECKPOINT_FIELDS",
    "BaselineName",
    "BudgetParameters",
    "CallbackParameters",
    "CheckpointParameters",
    "Configuration",
    "ConvolutionBlock",
    "DataParameters",
    "EarlyStoppingParameters",
    "EvaluationParameters",
    "ExecutorParameters",
    "Factor",
    "GridParameters",
    "HiddenLayer",
    "InferenceParameters",
    "LoggingParameters",
    "NetworkParameters",
    "OptimizerEntry",
    "Pair",
    "Parameters",
    "Precision",
    "ReduceOnPlateauParameters",
    "RegistrationParameters",
    "ScalingParameters",
    "ScheduleEntry",
    "ScreeningParameters",
    "SearchFactors",
    "SearchParameters",
    "SequenceParameters",
    "Serving",
    "SplitParameters",
    "SweepParameters",
    "Task",
    "TrackingParameters",
    "TrainingParameters",
    "activation_name",
    "experiment_of",
    "name_of_table",
]
