"""What every evaluate module of this project is: a pure function of ``smo_pipelines.stats.metrics`` in evaluate's shape, and its card.

``evaluate.load`` reads one class from one file named like its folder, so each metric keeps a file of its own under
``evaluate_modules/``; all it says is which metric it is. The README.md beside it is :func:`card_of`;
``python -m smo_pipelines.benchmarks.metric_module`` writes them anew.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from smo_pipelines.benchmarks.evaluate_library import evaluate_library
from smo_pipelines.stats.metrics import METRICS, Metric, Needs, get_metric

__all__ = ["EVALUATE_MODULES", "card_of", "module_of"]

EVALUATE_MODULES = Path(__file__).parent / "evaluate_modules"
"""Folder of the evaluate modules: ``evaluate.load(str(EVALUATE_MODULES / "f1"))``."""

_NEEDED = {
    Needs.nothing: "",
    Needs.members: ", members=in_group",
    Needs.functionality: ", functionality=functionalities",
}
_NEEDED_WORDS = {
    Needs.nothing: "",
    Needs.members: "members: whether each item is of the group that is compared with the rest. ",
    Needs.functionality: "functionality: the functional test that each item belongs to. ",
}


def _facts(metric: Metric) -> str:
    return f"{metric.title}: from {metric.low:g} to {metric.high:g}, {metric.direction.value} is better. {metric.about}"


def card_of(metric: Metric) -> str:
    """Return a metric's card: Markdown, the README.md beside its evaluate module."""
    threshold = "read at a threshold: an item is flagged when its score is at or above it" if metric.thresholded else "none"
    needs = {
        Needs.nothing: "scores and gold",
        Needs.members: "scores, gold, and which items are of a group (in an experiment: `items: slice:NAME=VALUE`; the rest is the background)",
        Needs.functionality: "scores, gold, and each item's functionality (in an experiment: the benchmark's slice of that name)",
    }[metric.needs]
    compute = f"predictions=scores, references=gold{', threshold=0.5' if metric.thresholded else ''}{_NEEDED[metric.needs]}"
    return f"""# {metric.title}

{metric.about}

| | |
|---|---|
| name | `{metric.name}` |
| unit | {metric.unit} |
| range | {metric.low:g} to {metric.high:g} |
| better | {metric.direction.value} |
| threshold | {threshold} |
| needs | {needs} |
| interval | {metric.interval_method} |
| reference | {metric.reference} |

```python
import evaluate
from smo_pipelines.benchmarks.metric_module import EVALUATE_MODULES

module = evaluate.load(str(EVALUATE_MODULES / "{metric.name}"))
module.compute({compute})
```
"""


def module_of(name: str) -> type[Any]:
    """Return the evaluate module of a metric: a class that is named like it.

    Raises
    ------
    UnknownName
        When no metric has the name.
    """
    evaluate = evaluate_library()
    import datasets

    metric = get_metric(name)

    class MetricModule(evaluate.Metric):  # type: ignore[misc,name-defined]  # evaluate has no types
        measures: ClassVar[Metric] = metric

        def _info(self) -> Any:
            return evaluate.MetricInfo(
                description=_facts(metric),
                citation=metric.reference,
                inputs_description=(
                    "predictions: scores of the positive label. references: gold labels, 0 or 1. "
                    f"threshold: an item is flagged when its score is at or above it. {_NEEDED_WORDS[metric.needs]}"
                    "Raises smo_pipelines.errors.CannotEstimate where the metric is undefined."
                ),
                # No format="numpy": datasets would then hand the scores over as float32.
                features=datasets.Features({"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}),
            )

        def compute(self, *, predictions: Any = None, references: Any = None, **options: Any) -> dict[str, float]:
            """Compute the metric of everything at once, or of what was added before."""
            if predictions is None or references is None or self.writer is not None:
                found: dict[str, float] = super().compute(predictions=predictions, references=references, **options)
                return found
            # evaluate would write each item to an Arrow table and read it back: 15 ms a metric for 4,000 items.
            return self._compute(predictions, references, **options)

        def _compute(
            self,
            predictions: Sequence[float] | np.ndarray,
            references: Sequence[int] | np.ndarray,
            threshold: float = 0.5,
            members: np.ndarray | None = None,
            functionality: np.ndarray | None = None,
        ) -> dict[str, float]:
            scores, gold = np.asarray(predictions, dtype=np.float64), np.asarray(references)
            groups = {Needs.nothing: None, Needs.members: members, Needs.functionality: functionality}[metric.needs]
            return {name: metric.value(scores, gold, threshold, groups)}

    MetricModule.__name__ = MetricModule.__qualname__ = name  # evaluate names a module after its class
    return MetricModule


def _write_cards() -> None:
    for metric in METRICS.values():
        (EVALUATE_MODULES / metric.name / "README.md").write_text(card_of(metric), encoding="utf-8")


if __name__ == "__main__":
    _write_cards()
