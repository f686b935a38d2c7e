"""What makes two runs of the command the same sweep."""

import uuid
from pathlib import Path

from dnn_sweep.core.networks.network import content_hash
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.datasets.base import write_atomically
from dnn_sweep.datasets.user_paths import project_root
from dnn_sweep.parameters import Configuration

PROJECT_ID = Path("data", "06_models", ".project_id")
# They decide how trials are trained and what is shown of it, not what comes out.
WITHOUT_EFFECT = {"training": {"engine", "cohort_size", "diagnostics"}}


def sweep_key(
    configuration: Configuration,
    trial_plan: TrialPlan,
    screening_plan: TrialPlan,
    project_id: Path | None = None,
) -> str:
    """Name a sweep: the same configuration on the same data in the same project.

    A trial's id includes the fingerprint of the data.

    Args:
        configuration: All groups of parameters that shape a result.
        trial_plan: The finals, at their optimizers' own learning rates.
        screening_plan: The first trials of the screening.
        project_id: The file that names the project, wherever it is moved to; made if need be.
            ``None`` for the one in the project's folder.

    >>> key = sweep_key(configuration, trial_plan, screening_plan, Path("id"))
    >>> key == sweep_key(configuration, trial_plan, screening_plan, Path("id"))
    True
    """
    project_id = project_id or project_root() / PROJECT_ID
    if not project_id.exists():
        write_atomically(project_id, uuid.uuid4().hex.encode())
    content = {
        "project": project_id.read_text(),
        "configuration": configuration.model_dump(mode="json", exclude=WITHOUT_EFFECT),
        "trials": [trial.id for plan in (trial_plan, screening_plan) for trial in plan.trials],
    }
    return content_hash(content)[:32]
