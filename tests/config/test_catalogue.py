from pathlib import Path

import pytest

from smo_pipelines.config.benchmarks import expand_path, load_benchmark_specs
from smo_pipelines.config.catalogue import load_classifiers, load_pools, load_rules
from smo_pipelines.config.experiments import Catalogue, load_experiment_files, resolve_experiment
from smo_pipelines.config.guidelines import load_guidelines, parse_guideline
from smo_pipelines.config.root import ProjectRoot, find_root
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.decisions import RulePolicy
from smo_pipelines.domain.labels import RaterPool
from smo_pipelines.domain.pools import GoldAccuracy, Period, PoolRule
from smo_pipelines.errors import ConfigError
from tests.examples.projects import CHECKOUT

_GUIDELINE = (
    "---\nid: hate@1\nquestion: hate\nlabels: [bad, fine]\npositive: bad\n---\nPreface\n## 1 First\ntext\n## 2 Second\n\nmore\n"
)


def test_everything_this_project_ships_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMO_REAL_DATA", raising=False)
    catalogue = Catalogue(ProjectRoot(CHECKOUT))
    files = load_experiment_files(catalogue.root)
    assert {resolve_experiment(file.raw, catalogue, file.source).id for file in files.values()} == set(files)
    assert len(files) >= 3


def test_a_file_that_says_nothing_gets_the_defaults_of_the_domain(root: ProjectRoot) -> None:
    (root.configs / "classifiers" / "plain.yaml").write_text("kind: tfidf\n")
    (root.configs / "rules" / "plain.yaml").write_text("description: nothing else\n")
    plain = load_classifiers(root)["plain"]
    assert plain == ClassifierConfig(name="plain", kind=plain.kind)
    assert load_rules(root)["plain"] == RulePolicy(name="plain")
    (root.configs / "classifiers" / "plain.yaml").write_text("kind: tfidf\nngrams: [4, 2]\n")
    with pytest.raises(ConfigError, match="the shortest and the longest"):
        load_classifiers(root)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: items\nproject: demo\n", "needs project, golds; golds is not there"),
        ("kind: table\ngold: hate@4\n", "needs path; path is not there"),
        ("kind: table\npath: gold.csv\n", "needs gold (one guideline) or golds (several)"),
        ("kind: heldout\n", "needs recipe"),
        ("kind: heldout\nrecipe: {project: demo, question: hate}\n", "recipe.guideline is not there"),
        ("kind: itmes\n", "'items'"),
    ],
)
def test_a_benchmark_file_that_lacks_what_its_kind_needs(text: str, said: str, root: ProjectRoot) -> None:
    (root.configs / "benchmarks" / "odd.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"configs/benchmarks/odd\.yaml") as refused:
        load_benchmark_specs(root)
    assert said in str(refused.value)


def test_the_description_of_a_benchmark_is_not_part_of_its_digest(root: ProjectRoot) -> None:
    path = root.configs / "benchmarks" / "gold.yaml"
    before = load_benchmark_specs(root)["gold"].digest
    path.write_text(path.read_text() + "description: said otherwise\n")
    assert load_benchmark_specs(root)["gold"].digest == before
    path.write_text(path.read_text() + "diagnostic: true\n")
    assert load_benchmark_specs(root)["gold"].digest != before


@pytest.mark.parametrize("pool", ["core@1", "all"])
def test_two_pools_of_one_id_are_refused(pool: str, root: ProjectRoot) -> None:
    (root.configs / "pools" / "double.yaml").write_text(f"id: {pool}\n")
    with pytest.raises(ConfigError, match=f"the pool id '{pool}' is taken"):
        load_pools(root)


def test_a_pool_by_what_its_raters_did(root: ProjectRoot) -> None:
    path = root.configs / "pools" / "proven.yaml"
    path.write_text(
        "id: proven@2\nkind: human\nwhere: {pool: core}\nraters: [r1]\n"
        "gold_accuracy: {at_least: 0.8, on: 20, before: 2026-03-01}\njoined: {before: 2026-01-01}\nactive: {start: 2026-02-01}\n"
    )
    pool = load_pools(root)["proven@2"]
    assert pool == PoolRule(
        id="proven@2",
        where=(("kind", ("human",)), ("pool", ("core",))),
        raters=("r1",),
        gold_accuracy=GoldAccuracy(at_least=0.8, on=20, before="2026-03-01"),
        joined=Period(before="2026-01-01"),
        active=Period(start="2026-02-01"),
    )
    assert type(load_pools(root)["core@1"]) is RaterPool


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id: proven@1\ngold_accuracy: {at_least: 0.8, on: 20}\n", "gold_accuracy.before: is needed"),
        ("id: proven@1\ngold_accuracy: {at_least: 1.2, on: 20, before: 2026-01-01}\n", "gold_accuracy.at_least"),
        ("id: proven@1\ngold_accuracy: {at_least: 0.8, on: 20, before: soon}\n", "must be a moment such as"),
        ("id: proven@1\nactive: {}\n", "needs start, before or both"),
        ("id: proven@1\nkind: robot\n", "'human' or 'model'"),
        ("id: proven@1\nkind: human\nwhere: {kind: model}\n", "kind stands twice"),
        ("id: proven\n", "must be name@number, e.g. proven@1"),
        ("id: proven@1\nactive: {since: 2026-01-01}\n", "unknown key 'active.since'"),
        ("id: proven@1\nvolume: {before: 2026-01-01}\n", "needs at_least, fewer_than or both"),
        ("id: proven@1\nvolume: {at_least: 3}\n", "volume.before"),
    ],
)
def test_a_pool_that_cannot_be_read(text: str, said: str, root: ProjectRoot) -> None:
    (root.configs / "pools" / "odd.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"configs/pools/odd\.yaml") as refused:
        load_pools(root)
    assert said in str(refused.value)


def test_the_pool_file_that_the_readme_teaches_can_be_read(root: ProjectRoot) -> None:
    text = (CHECKOUT / "configs" / "pools" / "README.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (root.configs / "pools" / "taught.yaml").write_text(text)
    assert isinstance(load_pools(root)["proven@1"], PoolRule)


def test_guidelines_are_read_clause_by_clause() -> None:
    version = parse_guideline(_GUIDELINE, "f")
    assert [(clause.id, clause.title, clause.text) for clause in version.clauses] == [
        ("1", "First", "text"),
        ("2", "Second", "more"),
    ]


def test_the_front_matter_may_say_which_items_a_clause_is_about() -> None:
    about = 'positive: bad\nclauses:\n  - {id: "2", items: {kind: [news, talk], form: quoted}, expects: fine}\n'
    version = parse_guideline(_GUIDELINE.replace("positive: bad\n", about), "f")
    first, second = version.clauses
    assert (first.items, first.expects) == ((), None)
    assert second.items == (("form", ("quoted",)), ("kind", ("news", "talk")))
    assert second.expects == "fine"
    assert version.digest == parse_guideline(_GUIDELINE, "f").digest  # raters are told the same


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("positive: bad", 'positive: bad\nclauses: [{id: "9", expects: fine}]', "there is no clause '9'; legal: 1, 2"),
        ("positive: bad", 'positive: bad\nclauses: [{id: "1", expects: so so}]', "clause 1 expects 'so so', which is not one of"),
        ("positive: bad", 'positive: bad\nclauses: [{id: "1"}, {id: "1"}]', "an id stands twice"),
        ("positive: bad", 'positive: bad\nclauses: [{id: "1", item: {}}]', "did you mean 'items'?"),
        ("---\nid", "id", "front matter"),
        ("hate@1", "hate", "name@version"),
        ("positive: bad", "positive: good", "'good' is not one of"),
        ("[bad, fine]", "[bad]", "at least two"),
        ("[bad, fine]", "[bad, bad]", "at least two"),
        ("## 2", "## 1", "used twice"),
        ("positive", "positiv", "did you mean 'positive'?"),
    ],
)
def test_a_guideline_that_cannot_be_read(old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"^f: ") as refused:
        parse_guideline(_GUIDELINE.replace(old, new, 1), "f")
    assert said in str(refused.value)


def test_a_guideline_stands_where_its_id_says(root: ProjectRoot) -> None:
    (root.configs / "guidelines" / "hate" / "9.md").write_text(_GUIDELINE)
    with pytest.raises(ConfigError, match="by its place it must be 'hate@9'"):
        load_guidelines(root)
    (root.configs / "guidelines" / "hate" / "9.md").write_text(_GUIDELINE.replace("hate@1", "hate@9\nparent: hate@8"))
    with pytest.raises(ConfigError, match="unknown parent 'hate@8'"):
        load_guidelines(root)


def test_a_path_with_a_variable(root: ProjectRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_DATA", raising=False)
    with pytest.raises(ConfigError, match="the environment variable SOME_DATA is not set"):
        expand_path("${SOME_DATA}/a.csv", root, "benchmark 'x'")
    monkeypatch.setenv("SOME_DATA", "/data")
    assert expand_path("${SOME_DATA}/a.csv", root, "benchmark 'x'") == Path("/data/a.csv")
    assert expand_path("a.csv", root, "benchmark 'x'") == root.path / "a.csv"


def test_the_project_is_the_named_one_or_the_nearest_above(root: ProjectRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = root.path / "configs" / "guidelines"
    monkeypatch.chdir(inside)
    assert find_root() == root
    assert root.state == root.path / ".smo"
    monkeypatch.chdir("/")
    with pytest.raises(ConfigError, match="no project found in / or above it"):
        find_root()
    monkeypatch.setenv("SMO_ROOT", str(root.path))
    monkeypatch.setenv("SMO_STATE", str(inside))
    assert find_root() == root
    assert find_root(Path(root.path)).state == inside


def test_the_shipped_classifiers_are_read_and_named_by_their_files() -> None:
    shipped = load_classifiers(ProjectRoot(CHECKOUT))
    assert {name: config.name for name, config in shipped.items()} == {name: name for name in shipped}
    assert set(shipped) >= {"tfidf", "minilm-top2"}
