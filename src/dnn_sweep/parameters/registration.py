"""How the champion is registered (``params:registration``)."""

from dnn_sweep.parameters.base import Parameters


class RegistrationParameters(Parameters):
    """How the champion is registered (``params:registration``).

    Args:
        alias: What the best version is called.
        challenger_alias: What a version is called that does not beat the holder of ``alias``.
    """

    alias: str = "champion"
    challenger_alias: str = "challenger"
