"""Small imports, numbered."""

import pandas as pd

from smo_pipelines.labels.batch import LabelBatch

__all__ = ["numbered_batch"]


def numbered_batch(number):
    """Thirty ratings of an import's own items and of items that every import has, by raters of its own and by one that all share."""
    rows = [
        {
            "item_id": f"own-{number}-{k}" if k % 2 else f"common-{k}",
            "rater_id": f"rater-{number}-{k % 3}" if k % 5 else "everywhere",
            "question": "hate",
            "guideline": "hate@1",
            "label": str((k * number + k) % 2),
            "round": number,
        }
        for k in range(30)
    ]
    items = [{"item_id": name, "text": f"text of {name}"} for name in dict.fromkeys(row["item_id"] for row in rows)]
    return LabelBatch(project="demo", source="test", items=pd.DataFrame(items), raters=pd.DataFrame(), ratings=pd.DataFrame(rows))
