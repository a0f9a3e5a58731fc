"""A fitted classifier as one folder that can be loaded anywhere this package is installed: plain safetensors and JSON, no pickles.

MLflow loads such a folder through :func:`_load_pyfunc`, which it finds by this module's name.
"""

import json
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smo_pipelines.classifiers.api import Fitted, load
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.errors import ClassifierError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LOADER", "SavedClassifier", "load_folder", "write_folder"]

LOADER = __name__
"""What a model registry is told to load such a folder with."""

_CONFIG = "classifier.json"


def write_folder(config: ClassifierConfig, files: Mapping[str, bytes], folder: Path) -> Path:
    """Write a fit's files and the configuration they belong to into a new folder, and return it.

    Raises
    ------
    ClassifierError
        When the folder is there already.
    """
    if folder.exists():
        raise ClassifierError(f"{folder} is there already: name a new folder for the classifier")
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / _CONFIG).write_text(json.dumps(asdict(config), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return folder


def load_folder(folder: Path, cache_dir: Path) -> Fitted:
    """Return the classifier of a folder, ready to score.

    Raises
    ------
    ClassifierError
        When the folder is not whole.
    """
    try:
        config = ClassifierConfig.from_json(json.loads((folder / _CONFIG).read_text(encoding="utf-8")))
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != _CONFIG}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClassifierError(f"{folder} holds no saved classifier ({error}): copy the folder whole") from error
    return load(config, files, cache_dir)


class SavedClassifier:
    """What MLflow calls: texts in, a score and whether it is flagged out.

    Parameters
    ----------
    fitted : Fitted
    """

    def __init__(self, fitted: Fitted) -> None:
        self.fitted = fitted

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> "pd.DataFrame":
        """Return ``score`` (probability of the positive classes) and ``flagged`` for each text.

        Parameters
        ----------
        model_input : sequence of str, or a table of one column
        """
        import pandas as pd

        if isinstance(model_input, pd.DataFrame):
            if model_input.shape[1] != 1:
                raise ClassifierError(f"a table of texts has one column; got {model_input.shape[1]}")
            model_input = model_input.iloc[:, 0]
        scores = self.fitted.score([str(text) for text in np.asarray(model_input, dtype=object).ravel()])
        return pd.DataFrame({"score": scores, "flagged": scores >= self.fitted.threshold})


def _load_pyfunc(path: str) -> SavedClassifier:
    # what is computed of the texts stays with this object: readable by nobody else, and gone with it
    cache = tempfile.mkdtemp(prefix="smo-classifier-")
    loaded = SavedClassifier(load_folder(Path(path), Path(cache)))
    weakref.finalize(loaded, shutil.rmtree, cache, ignore_errors=True)
    return loaded
