"""Which device and numbers ``auto`` means on this machine. Importing this module does not import torch."""

import dataclasses
import os
import re
from functools import cache
from pathlib import Path

from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind, Device, Precision
from smo_pipelines.errors import ClassifierError

__all__ = ["on_this_machine"]


def on_this_machine(config: ClassifierConfig) -> ClassifierConfig:
    """Return a configuration that names its device and precision, so that what is fitted with it has them in its name.

    Raises
    ------
    ClassifierError
        When it asks for a device or a precision that this machine does not have.
    """
    if config.kind is not ClassifierKind.transformer:
        return config
    device = config.device
    if device is Device.auto:
        device = Device.cuda if _has_cuda() else Device.cpu
    elif device is Device.cuda and not _has_cuda():
        raise ClassifierError(
            f"{config.name}: device is cuda, and torch finds no CUDA GPU here: set device to cpu or auto, or run where there is one"
        )
    able = _bfloat16_on_cuda() if device is Device.cuda else _bfloat16_on_processor()
    precision = config.precision
    if precision is Precision.auto:
        precision = Precision.bfloat16 if able else Precision.float32
    elif precision is Precision.bfloat16 and not able:
        raise ClassifierError(
            f"{config.name}: precision is bfloat16, and this {device} multiplies it in software only, many times slower than "
            "float32: set precision to float32 or auto"
        )
    return dataclasses.replace(config, device=device, precision=precision)


@cache
def _has_cuda() -> bool:
    if os.name == "posix" and not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        return False  # without a device there is no need to import torch to ask
    import torch

    return torch.cuda.is_available()


def _bfloat16_on_cuda() -> bool:
    import torch

    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


@cache
def _bfloat16_on_processor() -> bool:
    """Whether the processor has an instruction that multiplies bfloat16; torch emulates it elsewhere, slowly."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    return bool(re.search(r"\b(amx_bf16|avx512_bf16)\b", text))
