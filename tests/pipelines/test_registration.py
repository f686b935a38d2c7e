import pytest

from dnn_sweep.core.champion.gate import compare_with_holder
from dnn_sweep.datasets.model_aliases import ModelAliasesDataset
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from dnn_sweep.parameters import RegistrationParameters
from tests.champions import NAME, make_champion

REGISTRATION = RegistrationParameters()


@pytest.mark.usefixtures("mlflow_store")
def test_a_sequence_of_champions_leaves_the_alias_with_the_best(capfd):
    champions = [make_champion(seed=seed) for seed in range(3)]
    packages = [each.package() for each in champions]
    scores = [each.validation_score for each in packages]
    assert scores[0] == scores[1] > scores[2]
    dataset = RegisteredModelDataset(name=NAME)
    best, holder = -1.0, None
    for score, package in zip(scores, packages, strict=True):
        aliases = ModelAliasesDataset(name=NAME).load()
        dataset.save(compare_with_holder(package, aliases, champions[0].rows, REGISTRATION))
        described = dataset.load()
        if score >= best:
            best, holder = score, described.version
        assert described.alias == ("champion" if described.version == holder else "challenger")
        assert ModelAliasesDataset(name=NAME).load()["champion"].version == holder
    assert "extra inputs" not in capfd.readouterr().err
