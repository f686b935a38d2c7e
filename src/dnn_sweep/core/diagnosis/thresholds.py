"""The thresholds that verdicts rest on, each with its reason.

References:
    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks"; Lu et al. 2019, "Dying ReLU and initialization"; Prechelt 1998, "Early stopping --
    but when?".
"""

from typing import NamedTuple


class Threshold(NamedTuple):
    """A number that decides, and the reason for it."""

    value: float
    reason: str


THRESHOLDS = {
    "signal": Threshold(
        0.01,
        "Glorot & Bengio 2010 ask that the signal keeps its size from layer to layer; below a "
        "hundredth, the first layer needs a hundred epochs for one of the last layer's",
    ),
    "pace": Threshold(
        0.5,
        "an optimizer that scales each weight's step, such as Adam, can compensate for a small "
        "gradient: then the first layer moves as fast as the last",
    ),
    "dead": Threshold(
        0.5,
        "Lu et al. 2019: a network is lost when a whole layer is dead; with half a layer dead it "
        "is a narrower network than the one that was asked for",
    ),
    "saturated": Threshold(
        0.75,
        "Glorot & Bengio 2010 see training stall in layers whose units sit on the flat ends; "
        "healthy layers of tanh had up to 45 % of their sums there at the end of training",
    ),
    "moves": Threshold(
        0.1,
        "networks that learned digits moved some layer by a quarter of its norm or more; the path "
        "length counts, so that weights that swing back are not taken for weights that rest",
    ),
    "still_falling": Threshold(
        0.1,
        "a validation loss that owes a tenth of its whole fall to the last quarter of the epochs "
        "has not converged: the steps are too small for the budget",
    ),
    "replaced": Threshold(
        1.0,
        "a kernel that changes by more than its norm in one epoch is replaced, not refined",
    ),
    "climbs": Threshold(
        0.1,
        "a training loss that ends above its lowest value by a tenth of the first epoch's has been "
        "raised by its own steps",
    ),
    "generalisation_loss": Threshold(
        0.05,
        "Prechelt 1998 stops training when the validation loss is 5 % above its lowest (GL5)",
    ),
    "gap": Threshold(
        0.05,
        "training rows are predicted better than validation rows by a twentieth of the way from no "
        "skill to perfection",
    ),
    "worse": Threshold(
        0.05,
        "harm: a twentieth of what the best combination gained over no skill is missing; less may "
        "be chance",
    ),
    "nothing_learned": Threshold(
        0.1,
        "harm: less than a tenth of the way from no skill to perfection",
    ),
    "loss_moved": Threshold(
        0.05,
        "harm: a training loss that fell by less than a twentieth, unless the network is half way "
        "to perfection: a loss may also stand still because a task was learned in one epoch",
    ),
    "half_way": Threshold(0.5, "of the way from no skill to perfection; see loss_moved"),
}


def limit(name: str) -> float:
    """A threshold's number.

    Example:
        >>> limit("dead")
        0.5
    """
    return THRESHOLDS[name].value
