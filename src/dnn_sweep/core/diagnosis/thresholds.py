"""The thresholds that verdicts rest on, each with its reason.

References:
    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks"; Lu et al. 2019, "Dying ReLU and initialization"; Prechelt 1998, "Early stopping --
    but when?".
"""

THRESHOLDS = {
    # Glorot & Bengio 2010 ask that the signal keeps its size from layer to layer; below a
    # hundredth, the first layer needs a hundred epochs for one of the last layer's.
    "signal": 0.01,
    # An optimizer that scales each weight's step, such as Adam, can compensate for a small
    # gradient: then the first layer moves as fast as the last.
    "pace": 0.5,
    # Lu et al. 2019: a network is lost when a whole layer is dead; with half a layer dead it is a
    # narrower network than the one that was asked for.
    "dead": 0.5,
    # Lu et al. 2019 see units that are dead at initialisation; where fewer than half of the dead
    # units were, the steps killed them.
    "dead_before": 0.5,
    # Glorot & Bengio 2010 see training stall in layers whose units sit on the flat ends; healthy
    # layers of tanh had up to 45 % of their sums there at the end of training.
    "saturated": 0.75,
    # Networks that learned digits moved some layer by a quarter of its norm or more; the path
    # length counts, so that weights that swing back are not taken for weights that rest.
    "moves": 0.1,
    # A validation loss that owes a tenth of its whole fall to the last quarter of the epochs has
    # not converged: the steps are too small for the budget.
    "still_falling": 0.1,
    # A training loss that fell by less than a tenth in the last quarter of the epochs has settled.
    "settled": 0.1,
    # A kernel that changes by several times its norm in one epoch is replaced, not refined. In the
    # first epoch, in which weights grow from small initial values, layers of networks that learned
    # well changed by up to 3.9 times their norm.
    "replaced": 4.0,
    # A training loss that ends above its lowest value by a tenth of the first epoch's has been
    # raised by its own steps.
    "climbs": 0.1,
    # Prechelt 1998 stops training when the validation loss is 5 % above its lowest (GL5).
    "generalisation_loss": 0.05,
    # Training rows are predicted better than validation rows by a twentieth of the way from no
    # skill to perfection.
    "gap": 0.05,
    # Harm: training rows are predicted better than validation rows by a quarter of the way from
    # no skill to perfection, with the other signs of overfitting: they were learned by heart.
    "memorised": 0.25,
    # Harm, and underfitting: a fifth of what others gained over no skill is missing. It is more
    # than among combinations, since another learner may suit the data better than any network.
    "far_worse": 0.2,
    # Scores that chance alone may reach: three standard errors, since the best of many epochs and
    # combinations counts.
    "chance": 3.0,
    # Harm: a twentieth of what the best combination gained over no skill is missing; less may be
    # chance.
    "worse": 0.05,
    # Harm without a symptom: a tenth of the way from no skill to perfection is missing to the best
    # combination. More is asked for than with a symptom, because nothing else speaks for a failure.
    "much_worse": 0.1,
    # Harm: less than a tenth of the way from no skill to perfection.
    "nothing_learned": 0.1,
    # Harm: a training loss that fell by less than a twentieth, unless the network is half way to
    # perfection: a loss may also stand still because a task was learned in one epoch.
    "loss_moved": 0.05,
    "half_way": 0.5,
}
