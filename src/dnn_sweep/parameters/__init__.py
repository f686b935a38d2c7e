"""The ``params:`` groups as frozen models, validated before anything runs."""

from dnn_sweep.parameters.base import Parameters as Parameters
from dnn_sweep.parameters.base import Precision as Precision
from dnn_sweep.parameters.base import Task as Task
from dnn_sweep.parameters.callbacks import CHECKPOINT_FIELDS as CHECKPOINT_FIELDS
from dnn_sweep.parameters.callbacks import CallbackParameters as CallbackParameters
from dnn_sweep.parameters.callbacks import CheckpointParameters as CheckpointParameters
from dnn_sweep.parameters.callbacks import EarlyStoppingParameters as EarlyStoppingParameters
from dnn_sweep.parameters.callbacks import ReduceOnPlateauParameters as ReduceOnPlateauParameters
from dnn_sweep.parameters.configuration import Configuration as Configuration
from dnn_sweep.parameters.data import DataParameters as DataParameters
from dnn_sweep.parameters.evaluation import EvaluationParameters as EvaluationParameters
from dnn_sweep.parameters.grid import GridParameters as GridParameters
from dnn_sweep.parameters.grid import OptimizerEntry as OptimizerEntry
from dnn_sweep.parameters.grid import Pair as Pair
from dnn_sweep.parameters.grid import ScheduleEntry as ScheduleEntry
from dnn_sweep.parameters.inference import InferenceParameters as InferenceParameters
from dnn_sweep.parameters.logs import LoggingParameters as LoggingParameters
from dnn_sweep.parameters.network import HiddenLayer as HiddenLayer
from dnn_sweep.parameters.network import NetworkParameters as NetworkParameters
from dnn_sweep.parameters.registration import RegistrationParameters as RegistrationParameters
from dnn_sweep.parameters.scaling import ScalingParameters as ScalingParameters
from dnn_sweep.parameters.screening import ScreeningParameters as ScreeningParameters
from dnn_sweep.parameters.split import SplitParameters as SplitParameters
from dnn_sweep.parameters.training import TrainingParameters as TrainingParameters
