"""Small experiments, and the page that explains them."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.foundations.gates import logic_gates, one_neuron
from dnn_sweep.core.foundations.hand_written_fit import hand_written_fit, wrong_gradient
from dnn_sweep.core.foundations.losses import outliers, problems
from dnn_sweep.core.foundations.models import depth, same_models
from dnn_sweep.core.foundations.outputs import saved_weights, several_outputs
from dnn_sweep.core.foundations.page import summarize_foundations, write_foundations
from dnn_sweep.core.foundations.perceptron import activation_gallery, perceptron
from dnn_sweep.core.foundations.unaligned import unaligned_strings
from dnn_sweep.core.foundations.xor_networks import parameter_counts, xor_networks

# In the order of the page.
SECTIONS = (
    logic_gates,
    one_neuron,
    perceptron,
    activation_gallery,
    outliers,
    problems,
    hand_written_fit,
    wrong_gradient,
    depth,
    xor_networks,
    parameter_counts,
    same_models,
    several_outputs,
    saved_weights,
    unaligned_strings,
)


def create_pipeline() -> Pipeline:
    """No data in, one page out."""
    names = [f"foundations_{each.__name__}" for each in SECTIONS]
    return Pipeline(
        [
            *(
                Node(each, inputs=None, outputs=name, name=each.__name__)
                for each, name in zip(SECTIONS, names, strict=True)
            ),
            Node(
                write_foundations,
                inputs=names,
                outputs=["foundations", "foundations_claims"],
                name="write_foundations",
            ),
            Node(
                summarize_foundations,
                inputs=["foundations", "foundations_claims", "params:environment"],
                outputs="console",
                name="summarize_foundations",
            ),
        ],
        tags="foundations",
    )
