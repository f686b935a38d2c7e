"""Nodes that show the networks of the plan."""

from typing import Any

from dnn_sweep.core.networks.build import summarize_network
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.reporting.figures.network_diagram import draw_network


def summarize_networks(trial_plan: TrialPlan) -> dict[str, str]:
    """Build each distinct network once, which finds mistakes early, and print it as Keras does.

    >>> list(summarize_networks(trial_plan))
    ['relu-088759']
    """
    return {each.name: summarize_network(each) for each in trial_plan.networks}


def draw_networks(trial_plan: TrialPlan) -> dict[str, Any]:
    """Draw a layer diagram of each distinct network; return the figures by file name.

    >>> list(draw_networks(trial_plan))
    ['relu-088759.png']
    """
    return {f"{each.name}.png": draw_network(each) for each in trial_plan.networks}
