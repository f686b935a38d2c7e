import pytest

from dnn_sweep.pipeline_registry import register_pipelines


def test_the_test_rows_are_scaled_and_then_read_by_the_evaluation_and_the_gate_alone():
    readers = {
        node.short_name
        for node in register_pipelines()["train"].nodes
        if {"test_rows", "test_matrix", "test_predictions"} & set(node.inputs)
        and "reporting" not in node.tags
    }
    assert readers == {"scale_test_rows", "evaluate_champion", "compare_with_holder"}


@pytest.mark.parametrize(
    "made", ["champion_trial", "served_plan", "served_preprocessor", "refitted_trials"]
)
def test_nothing_that_leads_to_what_is_served_reads_the_test_set(made):
    upstream = register_pipelines()["train"].to_outputs(made)
    read = {name for node in upstream.nodes for name in node.inputs}
    assert {"train_matrix", "validation_matrix", "trial_results"} <= read
    assert read & {"test_rows", "test_matrix"} == set()
