"""Every section of the page on foundations, in a shortened form, and what its functions do."""

import re
from pathlib import Path

import numpy as np
import pytest

from dnn_sweep.core.foundations import (
    gates,
    hand_written_fit,
    losses,
    models,
    outputs,
    perceptron,
    unaligned,
)
from dnn_sweep.core.foundations.page import write_foundations
from dnn_sweep.core.foundations.xor_networks import count_parameters, parameter_counts, xor_networks

SHORT = {
    "gates": gates.logic_gates,
    "one-neuron": lambda: gates.one_neuron(seeds=20, lines=200),
    "perceptron": perceptron.perceptron,
    "activations": perceptron.activation_gallery,
    "losses": losses.outliers,
    "problems": lambda: losses.problems(epochs=6),
    "fit": lambda: hand_written_fit.hand_written_fit(epochs=20),
    "wrong-gradient": lambda: hand_written_fit.wrong_gradient(epochs=50),
    "depth": lambda: models.depth(epochs=8),
    "xor-networks": lambda: xor_networks(seeds=12, epochs=6),
    "parameters": parameter_counts,
    "same-models": models.same_models,
    "outputs": outputs.several_outputs,
    "weights": outputs.saved_weights,
    "unaligned": unaligned.unaligned_strings,
}
DO_NOT_HOLD = {"error / prediction is the gradient"}


@pytest.fixture(scope="module")
def sections():
    return {name: make() for name, make in SHORT.items()}


@pytest.mark.parametrize("name", SHORT)
def test_a_section_explains_shows_and_asks(sections, name):
    section = sections[name]
    assert section.name == name
    assert section.paragraphs
    assert section.code.startswith(("def ", "class "))
    assert section.question.endswith(("?", "."))
    assert section.table is not None or section.figure is not None


@pytest.mark.parametrize("name", SHORT)
def test_claims_hold_or_say_why_not(sections, name):
    for claim in sections[name].claims:
        assert claim.holds == (claim.says not in DO_NOT_HOLD), claim
        assert claim.holds or claim.why_not
        assert claim.found


def test_the_page_has_every_section_and_every_claim(sections):
    page, claims = write_foundations(*sections.values())
    for name in SHORT:
        assert f'<h2 id="{name}">' in page
        assert f'href="#{name}"' in page
    assert len(claims) == sum(len(each.claims) for each in sections.values())
    assert not re.search(r'<(script|link|img)[^>]* (src|href)="https?:', page)


def test_every_claim_is_listed_in_the_documentation(sections):
    listed = (Path(__file__).parents[3] / "docs" / "experiments.md").read_text()
    for section in sections.values():
        for claim in section.claims:
            assert f"| {claim.study} | {claim.says} |" in listed


def test_xor_is_true_between_the_lines():
    assert gates.xor(gates.INPUTS).tolist() == gates.XOR.tolist()
    assert gates.fires(gates.INPUTS, "AND").tolist() == [0, 0, 0, 1]
    assert gates.fires(gates.INPUTS, "OR").tolist() == [0, 1, 1, 1]


def test_the_perceptron_does_not_move_where_it_is_right():
    model = perceptron.make_perceptron()
    before = model.w.numpy()
    x = before / np.linalg.norm(before) * 5
    assert perceptron.train_step(model, x, 1.0, rate=0.1) == 0
    np.testing.assert_array_equal(model.w.numpy(), before)
    loss = perceptron.train_step(model, x, -1.0, rate=0.1)
    assert loss > 0
    np.testing.assert_allclose(model.w.numpy(), before - 0.1 * x)


@pytest.mark.parametrize(
    ("name", "z", "slope"), [("tanh", 0.0, 1.0), ("sigmoid", 0.0, 0.25), ("softmax", 0.0, 0.25),
                             ("ReLU", 2.0, 1.0), ("ReLU", -2.0, 0.0), ("sign", 1.0, 0.0)],
)  # fmt: skip
def test_derivatives_are_those_of_the_curves(name, z, slope):
    assert perceptron.curve_and_slope(name, np.array([z]))[1][0] == pytest.approx(slope)


def test_gradient_descent_finds_the_line_and_the_quotient_does_not():
    w, b, _ = hand_written_fit.fit(hand_written_fit.X, hand_written_fit.Y, 500, 0.1)
    assert (w, b) == pytest.approx((2, 1), abs=1e-6)
    wrong = hand_written_fit.fit_with_quotient(hand_written_fit.X, hand_written_fit.Y, 500, 0.1)
    assert abs(wrong[0] - 2) > 0.5


def test_layers_without_activations_are_one_layer():
    rng = np.random.default_rng(0)
    kernels, biases = [rng.normal(size=s) for s in [(2, 3), (3, 1)]], [np.ones(3), np.ones(1)]
    kernel, bias = models.collapse(kernels, biases)
    x = rng.normal(size=(5, 2))
    np.testing.assert_allclose(x @ kernel + bias, (x @ kernels[0] + 1) @ kernels[1] + 1)


def test_parameters_are_counted_by_layer():
    assert count_parameters([64, 128, 256, 128, 64, 10], inputs=64) == 87_306
