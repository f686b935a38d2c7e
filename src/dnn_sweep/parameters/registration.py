"""How the champion is registered (``params:registration``)."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dnn_sweep.parameters.base import Parameters


def _as_mlflow_takes_it(alias: str) -> str:
    if not re.fullmatch(r"[\w-]+", alias, re.ASCII):
        raise ValueError(f"{alias!r} is no alias: letters, digits, _ and - are allowed")
    if re.fullmatch(r"latest|v\d+", alias, re.IGNORECASE):
        raise ValueError(f"{alias!r} is no alias: MLflow keeps 'latest', 'v1', 'v2' ... for itself")
    return alias


Alias = Annotated[str, AfterValidator(_as_mlflow_takes_it)]
Serving = Literal["best_seed", "refit", "ensemble", "baseline"]


class RegistrationParameters(Parameters):
    """How the champion is registered (``params:registration``).

    Args:
        champion: What is served of the chosen combination: ``best_seed``, the network of its best
            seed; ``ensemble``, the mean of the networks of all its seeds; ``refit``, the same
            mean, with the networks trained anew on training and validation rows. With folds, the
            networks of every choice are trained anew on all rows outside the test split.
            ``baseline`` serves a model without a deep network, fitted on training and validation
            rows, where one scores better than every combination, and otherwise the ``ensemble``.
        alias: Alias of the best version.
        challenger_alias: Alias of a version that is not shown to beat the holder of ``alias``.
        confidence: How sure a paired test has to be that a version beats the holder: without any
            improvement the alias moves with a probability of at most 1 minus this.
        margin: If the holder cannot score the present rows, how much worse than the holder's own
            test score the new one's may be for the alias to move, in the objective's unit. By
            default the alias then stays.
        threshold: Of two classes, the second is predicted where its probability exceeds this.
            ``auto`` takes what gives the best balanced accuracy on the validation rows. Without
            effect on other tasks.

    >>> RegistrationParameters(alias="production").challenger_alias
    'challenger'
    """

    champion: Serving = "ensemble"
    alias: Alias = "champion"
    challenger_alias: Alias = "challenger"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    threshold: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] = 0.5
    margin: Annotated[float, Field(ge=0)] | None = None
