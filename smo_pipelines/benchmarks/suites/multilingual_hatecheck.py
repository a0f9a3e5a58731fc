"""Multilingual HateCheck: 36,582 cases in ten languages (Roettger et al., WOAH 2022, arXiv:2206.09917)."""

from collections.abc import Mapping
from pathlib import Path

from smo_pipelines.benchmarks.columns import read_columns
from smo_pipelines.benchmarks.from_items import benchmark_from_items
from smo_pipelines.benchmarks.suites.hatecheck import LABELS, POSITIVE
from smo_pipelines.benchmarks.suites.table import refuse_empty
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.errors import BenchmarkError

__all__ = ["LOCALES", "load"]

LOCALES: Mapping[str, str] = {
    "arabic": "ar",
    "dutch": "nl",
    "french": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "mandarin": "zh",
    "polish": "pl",
    "portuguese": "pt",
    "spanish": "es",
}
"""The ten languages by the word in their file's name, and the locale they are sliced by."""

HOW_TO_GET = "`smo fetch multilingual-hatecheck` gets all ten"
_COLUMNS = ("mhc_case_id", "test_case", "label_gold", "templ_id", "functionality", "target_ident", "disagreement_in_case")


def load(folder: Path, *, name: str = "multilingual-hatecheck", gold: str = "hatecheck@1") -> Benchmark:
    """Return the suite in all ten languages, sliced by locale, functionality and target.

    A template is numbered anew in each language, so a cluster is a language and a template. The slice ``disputed`` is True where
    the majority of the three people who reviewed a case did not give it its gold, as published; such cases stay in.

    Parameters
    ----------
    folder : Path
        Holds ``hatecheck_cases_final_<language>.csv`` for all ten languages, as published.
    gold : str
        The guideline id under which the gold is filed: HateCheck's own, whose definition of hate this suite repeats.

    Raises
    ------
    BenchmarkError
        When a language's file is missing or malformed, or a case id occurs twice.
    """
    what = f"benchmark {name!r}"
    files = {locale: folder / f"hatecheck_cases_final_{language}.csv" for language, locale in LOCALES.items()}
    missing = [file.name for file in files.values() if not file.is_file()]
    if missing:
        raise BenchmarkError(
            f"{what} is ten files, one a language, and {len(missing)} are not in {folder} (first: {missing[0]}); {HOW_TO_GET}"
        )
    gathered: dict[str, list[str]] = {column: [] for column in (*_COLUMNS, "locale")}
    for locale, file in files.items():
        columns = read_columns(file, _COLUMNS, what=what)
        refuse_empty(what, file, {column: columns[column] for column in ("mhc_case_id", "test_case", "label_gold")})
        for column, values in columns.items():
            gathered[column].extend(values)
        gathered["locale"].extend([locale] * len(columns["mhc_case_id"]))
    return benchmark_from_items(
        name,
        gathered["mhc_case_id"],
        gathered["test_case"],
        {gold: gathered["label_gold"]},
        {gold: POSITIVE},
        clusters=[
            f"{locale} {template}" if template else ""
            for locale, template in zip(gathered["locale"], gathered["templ_id"], strict=True)
        ],
        slices={
            "locale": gathered["locale"],
            "functionality": gathered["functionality"],
            "target_ident": gathered["target_ident"],
            "disputed": gathered["disagreement_in_case"],
        },
        labels={gold: LABELS},
        source=folder.name,
    )
