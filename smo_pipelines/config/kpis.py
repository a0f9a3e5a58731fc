"""Key figures: ``configs/kpis/<project>.yaml``."""

from typing import Self

from pydantic import Field, FiniteFloat, model_validator

from smo_pipelines.config.reading import Strict, parse, read_text, read_yaml
from smo_pipelines.config.recipes import Words, predicate
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.effects import Direction
from smo_pipelines.domain.kpis import Kpi
from smo_pipelines.domain.quality import MEASURES, Measure
from smo_pipelines.errors import ConfigError, UnknownName

__all__ = ["load_kpis"]

_RATER_ALONE = "vitality is of one rater and has no target for a group"


class _KpiModel(Strict):
    name: str = Field(min_length=1, max_length=80)
    measure: Measure
    target: FiniteFloat
    limit: FiniteFloat | None = None
    direction: Direction | None = None
    owner: str = Field(pattern=r"^team:[a-z0-9][a-z0-9-]*$")
    window_days: int = Field(default=28, ge=1, le=366)
    where: dict[str, Words] = Field(default_factory=dict)
    by: Words | None = None

    @model_validator(mode="after")
    def _judgeable(self) -> Self:
        if self.measure is Measure.vitality:
            raise ValueError(_RATER_ALONE)
        if self.direction is None and MEASURES[self.measure].direction is None:
            raise ValueError(f"{self.measure} is neither better high nor better low by itself: say direction: higher or lower")
        self.resolve()  # a limit better than the target is refused where it stands
        return self

    def resolve(self) -> Kpi:
        """Return the key figure as a domain value."""
        direction = self.direction or MEASURES[self.measure].direction
        assert direction is not None  # noqa: S101 -- checked when the model was made
        values = self.model_dump(exclude={"direction", "where", "by"})
        return Kpi(direction=direction, where=predicate(self.where), by=self.by or (), **values)


class _KpiFile(Strict):
    description: str = ""
    kpis: list[_KpiModel] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [kpi.name for kpi in self.kpis]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the names {twice} stand twice")
        return self


def load_kpis(root: ProjectRoot, project: str) -> tuple[Kpi, ...]:
    """Return the key figures of a project, in the order of its file.

    Raises
    ------
    UnknownName
        When the project has no file of key figures.
    ConfigError
        When the file cannot be read as written.
    """
    folder = root.configs / "kpis"
    path = folder / f"{project}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.yaml"))
        if not known:
            raise ConfigError(f"project {project!r} has no key figures: write configs/kpis/{project}.yaml")
        raise UnknownName("project with key figures (a file under configs/kpis/)", project, known)
    source = path.relative_to(root.path)
    return tuple(kpi.resolve() for kpi in parse(_KpiFile, read_yaml(read_text(path, source), source), source).kpis)
