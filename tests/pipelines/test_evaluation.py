from dnn_sweep.pipeline_registry import register_pipelines


def test_nothing_that_leads_to_the_champion_reads_the_test_set():
    upstream = register_pipelines()["train"].to_outputs("champion_trial")
    read = {name for node in upstream.nodes for name in node.inputs}
    assert {"train_matrix", "validation_matrix", "trial_results"} <= read
    assert read & {"test_rows", "test_matrix"} == set()
