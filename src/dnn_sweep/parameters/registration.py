"""How the champion is registered (``params:registration``)."""

from typing import Annotated, Literal

from pydantic import Field

from dnn_sweep.parameters.base import Parameters

Serving = Literal["best_seed", "refit", "ensemble"]


class RegistrationParameters(Parameters):
    """How the champion is registered (``params:registration``).

    Args:
        champion: What is served of the chosen combination: ``best_seed``, the network of its best
            seed; ``ensemble``, the mean of the networks of all its seeds; ``refit``, the same
            mean, with the networks trained anew on training and validation rows. With folds, the
            networks of every choice are trained anew on all rows outside the test split.
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
    alias: str = "champion"
    challenger_alias: str = "challenger"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    threshold: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] = 0.5
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
