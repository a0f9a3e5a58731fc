"""HateCheck: 3,728 cases in 29 functional tests of hate speech detection (Roettger et al., ACL 2021, arXiv:2012.15606)."""

from collections.abc import Sequence
from pathlib import Path

from smo_pipelines.benchmarks.columns import read_columns
from smo_pipelines.benchmarks.from_items import benchmark_from_items
from smo_pipelines.benchmarks.suites.table import refuse_empty
from smo_pipelines.domain.benchmarks import Benchmark

__all__ = ["LABELS", "POSITIVE", "load"]

LABELS = ("hateful", "non-hateful")
POSITIVE = "hateful"
HOW_TO_GET = "`smo fetch hatecheck` gets it"

_COLUMNS = ("case_id", "test_case", "label_gold", "templ_id", "functionality", "target_ident", "case_templ")


def load(path: Path, *, name: str = "hatecheck", golds: Sequence[str] = ("hatecheck@1",)) -> Benchmark:
    """Return the suite, with clusters by template and slices by functionality and target.

    The cases of a template differ in the group they name and in nothing else, so they are not independent of each other. The slice
    ``templated_target`` is the target of the cases whose template was filled with each of the seven groups in turn: as many cases
    a group, so that groups can be compared, as the published accuracies by target are.

    Parameters
    ----------
    path : Path
        ``test_suite_cases.csv`` as published.
    golds : sequence of str
        The guideline ids under which the suite's gold is filed: each is said to decide the suite's cases as its authors do.

    Raises
    ------
    BenchmarkError
        When the file is missing, lacks a column, repeats a case id, or holds a label that is not HateCheck's.
    """
    what = f"benchmark {name!r}"
    columns = read_columns(path, _COLUMNS, what=what, how_to_get=HOW_TO_GET)
    refuse_empty(what, path, {column: columns[column] for column in ("case_id", "test_case", "label_gold")})
    named = zip(columns["target_ident"], columns["case_templ"], strict=True)
    return benchmark_from_items(
        name,
        columns["case_id"],
        columns["test_case"],
        dict.fromkeys(golds, columns["label_gold"]),
        dict.fromkeys(golds, POSITIVE),
        clusters=columns["templ_id"],
        slices={
            "functionality": columns["functionality"],
            "target_ident": columns["target_ident"],
            "templated_target": [target if "[IDENTITY" in template else "" for target, template in named],
        },
        labels=dict.fromkeys(golds, LABELS),
        source=path.name,
    )
