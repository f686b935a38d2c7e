"""The documentation agrees with the code that it describes."""

import re
from itertools import product
from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader
from pydantic import BaseModel

from dnn_sweep import parameters as models
from dnn_sweep.core.diagnosis import verdicts
from dnn_sweep.core.diagnosis.thresholds import THRESHOLDS
from dnn_sweep.pipeline_registry import register_pipelines
from dnn_sweep.settings import CONFIG_LOADER_ARGS, project_path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}
PARAMETERS = TEXTS["docs/parameters.md"]
GROUPS = {
    "data": models.DataParameters,
    "split": models.SplitParameters,
    "scaling": models.ScalingParameters,
    "network": models.NetworkParameters,
    "grid": models.GridParameters,
    "training": models.TrainingParameters,
    "screening": models.ScreeningParameters,
    "search": models.SearchParameters,
    "sweep": models.SweepParameters,
    "budget": models.BudgetParameters,
    "executor": models.ExecutorParameters,
    "callbacks": models.CallbackParameters,
    "logs": models.LoggingParameters,
    "evaluation": models.EvaluationParameters,
    "registration": models.RegistrationParameters,
    "inference": models.InferenceParameters,
    "tracking": models.TrackingParameters,
}
# What a list holds is described below its group's table, in the words of the configuration.
LAYERS = [models.HiddenLayer, models.ConvolutionBlock]
ITEMS = [*LAYERS, models.OptimizerEntry, models.ScheduleEntry, models.Pair, models.Factor]
WRITTEN_AS = {"class_name": "class"}
EXPERIMENTS = ["mnist", "fashion_mnist", "breast_cancer", "diabetes", "csv"]


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a group, those of a group in it with a dot."""
    keys = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = isinstance(kind, type) and issubclass(kind, models.Parameters)
        keys += [f"{name}.{key}" for key in keys_of(kind)] if inner else [name]
    return keys


def section(name: str) -> str:
    """What stands under a group's heading."""
    return re.search(rf"^## {name}$(.*?)(?=^## |\Z)", PARAMETERS, re.M | re.S)[1]


def documented(name: str) -> dict[str, str]:
    """Key and default of each row of a group's (first) table."""
    table = re.search(r"(?:^\|.*\n)+", section(name), re.M)[0].splitlines()[2:]
    cells = [[cell.strip(" `") for cell in row.strip("|").split(" | ")] for row in table]
    return {row[0]: row[2] for row in cells}


def documented_row(heading: str, first: str) -> str:
    """The row of a section's table that starts with a name."""
    return re.search(rf"^\| `{first}` \|(.*)$", section(heading), re.M)[1]


def commands(option: str) -> set[tuple[str, str]]:
    """Every value that a page gives to an option, with the page."""
    found = re.compile(rf"--{option}=([\w.]\S*?)(?=[`\s)]|$)", re.M)
    return {(page, value) for page, text in TEXTS.items() for value in found.findall(text)}


def test_no_group_of_parameters_is_left_out():
    described = {
        each
        for each in vars(models).values()
        if isinstance(each, type) and issubclass(each, models.Parameters)
    } - {models.Parameters, models.Configuration, *ITEMS}
    inner = {
        field.annotation
        for model in GROUPS.values()
        for field in model.model_fields.values()
        if field.annotation in described
    }
    assert set(GROUPS.values()) == described - inner


@pytest.mark.parametrize("group", GROUPS)
def test_a_groups_table_has_its_keys_and_no_others(group):
    assert list(documented(group)) == keys_of(GROUPS[group])


@pytest.mark.parametrize("group", GROUPS)
def test_a_groups_defaults_are_those_of_the_base_configuration(group):
    loader = OmegaConfigLoader(conf_source=str(ROOT / "conf"), env="base", **CONFIG_LOADER_ARGS)
    given = loader["parameters"][group]
    said: dict = {}
    for key, default in documented(group).items():
        outer, _, inner = key.rpartition(".")
        value = yaml.safe_load(default)
        (said.setdefault(outer, {}) if outer else said)[inner] = value
    if group == "logs":
        said["folder"] = project_path(said["folder"])

    assert GROUPS[group](**said) == GROUPS[group](**given)


def settings_of(experiment: str) -> dict[str, object]:
    """What an experiment's own files set, by dotted key."""
    found: dict[str, object] = {}

    def collect(prefix: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                collect(f"{prefix}.{key}" if prefix else key, inner)
        elif value is not None:
            found[prefix] = value

    for path in (ROOT / "conf" / experiment).glob("parameters*.yml"):
        collect("", yaml.safe_load(path.read_text()))
    return found


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_what_an_experiment_changes_is_listed(experiment):
    row = documented_row("What the other experiments change", experiment)
    named = re.findall(r"`([a-z]\w+\.[\w.]+)(?:: ([^`]+))?`", row)
    settings = settings_of(experiment)

    assert len(settings) > 3
    assert {key for key, _ in named} - {"data.target"} == set(settings) - {"data.target"}
    assert {key: yaml.safe_load(value) for key, value in named if value} == {
        key: settings[key] for key, value in named if value
    }


@pytest.mark.parametrize("item", ITEMS, ids=lambda model: model.__name__)
def test_what_a_list_holds_is_described(item):
    of_search = "search" if item is models.Factor else "grid"
    text = section("network" if item in LAYERS else of_search)
    for key in item.model_fields:
        assert f"`{WRITTEN_AS.get(key, key)}`" in text or f"`{WRITTEN_AS.get(key, key)}:" in text


def links_of(page: str) -> list[tuple[Path, str]]:
    """The file and the heading that each relative link of a page leads to."""
    links = re.findall(r"\]\(([^)\s]+)\)", TEXTS[page])
    own = [link.partition("#") for link in links if not re.match(r"[a-z]+:", link)]
    here = ROOT / page
    return [(here.parent / path if path else here, heading) for path, _, heading in own]


@pytest.mark.parametrize("page", TEXTS)
def test_relative_links_and_pictures_lead_somewhere(page):
    assert [str(path) for path, _ in links_of(page) if not path.exists()] == []


@pytest.mark.parametrize("page", TEXTS)
def test_links_to_a_heading_find_it(page):
    def anchors(path: Path) -> set[str]:
        headings = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
        return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}

    lost = [heading for path, heading in links_of(page) if heading and heading not in anchors(path)]
    assert lost == []


def test_every_page_can_be_reached_from_the_readme():
    reached, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        # Pages beside docs, such as that of the benchmarks, lead nowhere further.
        links = re.findall(r"\]\(([^)\s:]+\.md)[^)]*\)", TEXTS.get(page, ""))
        todo += [
            ((ROOT / page).parent / link).resolve().relative_to(ROOT).as_posix() for link in links
        ]
    assert set(TEXTS) - reached == set()


def test_ci_runs_the_test_command_of_the_readme():
    install = "python -m pip install uv"
    given = re.findall(rf"^{install} && (.+)$", TEXTS["README.md"], re.M)
    assert given == ["python -m uv run kedro run --pipeline=train", "python -m uv run pytest"]

    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    as_in_ci = given[1].replace("python", '"$python"')
    assert [line for line in ci if line.startswith(as_in_ci)]
    assert [line for line in ci if line.startswith('"$python" -m pip install --quiet uv')]


def test_commands_name_pipelines_environments_and_parameters_that_exist():
    pipelines, environments = commands("pipeline"), commands("env")
    settings = {
        (page, setting.partition("=")[0])
        for page, values in commands("params")
        for setting in values.split(",")
    }
    known = {f"{group}.{key}" for group, model in GROUPS.items() for key in keys_of(model)}
    known.add("experiment")
    ranges = [*models.SearchFactors.model_fields], [*models.Factor.model_fields]
    known |= {f"search.factors.{name}.{key}" for name, key in product(*ranges)}

    assert len(pipelines) > 3
    assert len(settings) > 3
    assert {value for _, value in pipelines} <= set(register_pipelines())
    assert [each for each in environments if not (ROOT / "conf" / each[1]).is_dir()] == []
    assert [each for each in settings if each[1] not in known] == []


def test_the_thresholds_of_the_verdicts_are_those_of_the_code():
    table = TEXTS["docs/diagnostics.md"].partition("## Verdicts")[2]
    rows = re.findall(r"^\|(?: `([a-z ]+)`)? \| ([^|]+)\| ([^|]*)\|", table, re.M)
    told = [threshold.strip() for _, _, threshold in rows if threshold.strip()]
    values = [float(text.removesuffix(" %")) / (100 if text.endswith("%") else 1) for text in told]
    order = ["dead", "dead_before", "replaced", "climbs", "saturated", "signal", "pace", "moves"]
    order += ["still_falling", "nothing_learned", "chance", "settled", "far_worse"]
    order += ["generalisation_loss", "gap"]
    assert values == [THRESHOLDS[name] for name in order]
    harm = [
        "worse",
        "far_worse",
        "nothing_learned",
        "half_way",
        "loss_moved",
        "memorised",
        "much_worse",
    ]
    assert set(order + harm) == set(THRESHOLDS)
    prose = TEXTS["docs/diagnostics.md"].partition("## Verdicts")[2].partition("\n| ")[0]
    said = ["more than 5 %", "more than 20 %", "less than 10 %", "less than half", "less than 5 %"]
    said += ["more than 25 %", "10 % of the way from no skill to perfection, whichever"]
    assert [text in prose for text in said] == [True] * 7
    assert [THRESHOLDS[name] for name in harm] == [0.05, 0.2, 0.1, 0.5, 0.05, 0.25, 0.1]
    assert tuple(name for name, _, _ in rows if name) == verdicts.VERDICTS


def blocks(page: str, language: str = "") -> list[str]:
    """The blocks of code of a page, as written."""
    return re.findall(rf"^```{language}\w*\n.*?^```$", TEXTS[page], re.M | re.S)


@pytest.mark.parametrize("page", [page for page in TEXTS if page.startswith("docs/ko/")])
def test_a_korean_page_has_the_commands_and_outputs_of_the_english_one(page):
    name = Path(page).name
    folder = "docs" if name in {"index.md", "glossary.md"} else "docs/tutorials"
    assert blocks(page) == blocks(f"{folder}/{name}")


@pytest.mark.parametrize("page", [page for page in TEXTS if blocks(page, "python")])
def test_python_in_the_docs_can_be_compiled(page):
    for block in blocks(page, "python"):
        compile(block.partition("\n")[2].removesuffix("```"), page, "exec")


def test_the_reference_has_every_node_dataset_and_group_of_parameters():
    listed = re.findall(r"^::: (\S+)$", TEXTS["docs/reference/nodes.md"], re.M)
    funcs = [node.func for each in register_pipelines().values() for node in each.nodes]
    nodes = {f"{func.__module__}.{func.__qualname__.partition('.')[0]}" for func in funcs}
    assert set(listed) == {node for node in nodes if ".parameters." not in node}

    listed = re.findall(r"^::: (\S+)$", TEXTS["docs/reference/datasets.md"], re.M)
    catalogs = "\n".join(path.read_text() for path in (ROOT / "conf").rglob("catalog*.yml"))
    assert set(listed) == set(re.findall(r"type: (dnn_sweep\.[\w.]+)", catalogs))

    listed = re.findall(
        r"^::: dnn_sweep.parameters.(\w+)$", TEXTS["docs/reference/parameters.md"], re.M
    )
    described = {
        name
        for name, each in vars(models).items()
        if isinstance(each, type) and issubclass(each, models.Parameters)
    }
    assert set(listed) == described - {"Parameters"}
