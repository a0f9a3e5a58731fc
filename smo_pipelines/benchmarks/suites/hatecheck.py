"""HateCheck: 3,728 cases in 29 functional tests of hate speech detection (Roettger et al., ACL 2021, arXiv:2012.15606)."""

from pathlib import Path

from smo_pipelines.benchmarks.suites import table
from smo_pipelines.domain.benchmarks import Benchmark

__all__ = ["load"]

HOW_TO_GET = "get test_suite_cases.csv from github.com/paul-rottger/hatecheck-data (CC BY 4.0) and put it there"


def load(path: Path, *, name: str = "hatecheck", gold: str = "hatecheck@1") -> Benchmark:
    """Return the suite, with clusters by template and slices by functionality and target.

    The cases of a template differ in the group they name and in nothing else, so they are not independent of each other.

    Parameters
    ----------
    path : Path
        ``test_suite_cases.csv`` as published.
    gold : str
        The guideline id under which the suite's gold is filed.

    Raises
    ------
    BenchmarkError
        When the file is missing, lacks a column, repeats a case id, or holds a label that is not HateCheck's.
    """
    return table.load(
        path,
        name=name,
        item_id="case_id",
        text="test_case",
        golds={gold: table.GoldColumn(column="label_gold", positive="hateful", labels=("hateful", "non-hateful"))},
        cluster="templ_id",
        slices=("functionality", "target_ident"),
        how_to_get=HOW_TO_GET,
    )
