"""Whether a new champion takes the alias from the version that holds it."""

from dataclasses import dataclass

from dnn_sweep.core.objectives import Objective
from dnn_sweep.parameters import RegistrationParameters

# In single precision the same network gives the same outputs to about this, relatively.
ROUNDING = 1e-6


@dataclass(frozen=True)
class AliasDecision:
    """The alias of a new version, and in a sentence why it gets that one."""

    alias: str
    reason: str


def choose_alias(
    candidate_score: float,
    holder_score: float | None,
    objective: Objective,
    *,
    rows: int,
    holder: str | None = None,
    obstacle: str | None = None,
    registration: RegistrationParameters | None = None,
) -> AliasDecision:
    """Decide whether a new champion takes the alias: unless the holder is better on the same rows.

    Args:
        candidate_score: The new champion's objective on the validation rows.
        holder_score: The holder's; ``None`` where there is no holder or it cannot score the rows.
        objective: Which way is better.
        rows: Number of those rows.
        holder: The version that holds the alias; ``None`` for none.
        obstacle: Why the holder cannot score the rows.
        registration: The names of the aliases.

    Example:
        >>> from dnn_sweep.core.objectives import ACCURACY
        >>> choose_alias(0.97, 0.98, ACCURACY, rows=360, holder="3").alias
        'challenger'
    """
    names = registration or RegistrationParameters()
    if holder is None:
        return AliasDecision(names.alias, f"No version held the alias {names.alias!r} before.")
    if holder_score is None:
        # Whoever serves the alias relies on its columns; nothing shows that this one is better.
        return AliasDecision(
            names.challenger_alias,
            f"Version {holder}, which keeps the alias {names.alias!r}, cannot score the present "
            f"validation rows: {obstacle}. Give another table an experiment of its own, or move "
            "the alias in MLflow.",
        )
    tolerance = ROUNDING * abs(holder_score)
    good = objective.sign * (candidate_score - holder_score) >= -tolerance
    sentence = (
        f"{objective.label.capitalize()} {candidate_score:.6g} on the {rows} validation rows is "
        f"{'at least as good as' if good else 'not as good as'} the {holder_score:.6g} of "
        f"version {holder} on the same rows"
    )
    if good:
        return AliasDecision(names.alias, f"{sentence}.")
    return AliasDecision(
        names.challenger_alias, f"{sentence}, which therefore keeps the alias {names.alias!r}."
    )
