"""XSTest: 250 safe prompts of ten types and 200 unsafe contrasts (Roettger et al., NAACL 2024, arXiv:2308.01263)."""

from pathlib import Path

from smo_pipelines.benchmarks.columns import read_columns
from smo_pipelines.benchmarks.from_items import benchmark_from_items
from smo_pipelines.benchmarks.suites.table import refuse_empty
from smo_pipelines.domain.benchmarks import Benchmark

__all__ = ["load"]

LABELS = ("safe", "unsafe")
HOW_TO_GET = "`smo fetch xstest` gets it"
_COLUMNS = ("id", "prompt", "type", "label", "focus")


def load(path: Path, *, name: str = "xstest", gold: str = "xstest@1") -> Benchmark:
    """Return the suite, with slices by type and clusters by the word that prompts were written around.

    A type is not a cluster. The 18 types are what the suite covers, chosen by its authors, and other authors would write other
    prompts of the same types; so types are strata to report by. A safe prompt and its unsafe contrast are written around one word
    (``focus``), and some words serve several types: those prompts stand or fall together. Prompts without a focus (75) are their
    own clusters.

    An item that is flagged is one that a filter blocks or a model refuses: the false positive rate is over-refusal of the safe
    prompts, recall is refusal of the unsafe ones.

    Parameters
    ----------
    path : Path
        ``xstest_prompts.csv`` as published.
    gold : str
        The guideline id under which the suite's gold is filed.

    Raises
    ------
    BenchmarkError
        When the file is missing, lacks a column, repeats an id, or holds a label other than safe and unsafe.
    """
    what = f"benchmark {name!r}"
    columns = read_columns(path, _COLUMNS, what=what, how_to_get=HOW_TO_GET)
    refuse_empty(what, path, {column: columns[column] for column in ("id", "prompt", "label")})
    return benchmark_from_items(
        name,
        columns["id"],
        columns["prompt"],
        {gold: columns["label"]},
        {gold: "unsafe"},
        clusters=columns["focus"],
        slices={"type": columns["type"], "label": columns["label"]},
        labels={gold: LABELS},
        source=path.name,
    )
