"""What an hour of computing costs: ``configs/costs.yaml``."""

from typing import Self

from pydantic import Field, PositiveFloat, model_validator

from smo_pipelines.config.reading import Strict, parse, read_text, read_yaml
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.price import ComputePrice

__all__ = ["load_compute_price"]


class _CostsFile(Strict):
    description: str = ""
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    core_hour: PositiveFloat | None = Field(default=None, allow_inf_nan=False)
    gpu_hour: PositiveFloat | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _in_a_currency(self) -> Self:
        if self.currency is None and (self.core_hour is not None or self.gpu_hour is not None):
            raise ValueError("a price needs its currency, e.g. currency: EUR")
        return self


def load_compute_price(root: ProjectRoot) -> ComputePrice:
    """Return what an hour costs; without the file, nothing has a price.

    Raises
    ------
    ConfigError
        When the file cannot be read as written.
    """
    path = root.configs / "costs.yaml"
    if not path.is_file():
        return ComputePrice()
    source = path.relative_to(root.path)
    costs = parse(_CostsFile, read_yaml(read_text(path, source), source), source)
    known = {"core": costs.core_hour, "gpu": costs.gpu_hour}
    return ComputePrice(currency=costs.currency or "", an_hour={name: price for name, price in known.items() if price is not None})
