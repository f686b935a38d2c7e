"""How the champion is registered (``params:registration``)."""

from dnn_sweep.parameters.base import Parameters


class RegistrationParameters(Parameters):
    """How the champion is registered (``params:registration``).

    Args:
        alias: Alias of the best version.
        challenger_alias: Alias of a new version that does not beat the holder of ``alias``.

    >>> RegistrationParameters(alias="production").challenger_alias
    'challenger'
    """

    alias: str = "champion"
    challenger_alias: str = "challenger"
