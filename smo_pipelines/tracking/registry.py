"""The registered model of a policy area: its versions, and the three aliases that the gate alone moves.

The store holds the record of moves; the registry shows where they led. So it can be brought up to date at any time, from any state,
and a tracker that was down has missed nothing. MLflow keeps no history of its aliases: the record does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smo_pipelines.domain.promotion import AliasName, registered_name
from smo_pipelines.errors import TrackingError
from smo_pipelines.tracking.items import MAX_TAG
from smo_pipelines.tracking.mlflow_backend import MlflowTracker, TrackedRun

__all__ = ["FIT_TAG", "ModelRegistry", "RegisteredVersion", "Synced"]

FIT_TAG = "smo.fit"
"""What a version is found again by: the key of its fit in the store."""

_MOVE_TAG = "smo.move"
"""On the registered model: the number of the last move that it shows."""

_NOTE = (
    "The safety classifier of the policy area {area}. `champion` is what production should use, `previous-champion` what it used before, "
    "`challenger` a candidate whose experiment says ship while a nightly guardrail does not hold. The aliases are moved by `smo promote` "
    "alone, which keeps a record of every move; one that is moved here by hand is put back."
)


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version of the registered model, and what it says of itself."""

    version: str
    fit: str
    source: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Synced:
    """The registry after it was brought up to date; ``put_back`` says which aliases somebody else had moved."""

    aliases: Mapping[AliasName, str]
    put_back: tuple[str, ...]


class ModelRegistry:
    """The registered model of one area.

    Parameters
    ----------
    tracker : MlflowTracker
    area : str
    """

    def __init__(self, tracker: MlflowTracker, area: str) -> None:
        self._tracker, self.area, self.name = tracker, area, registered_name(area)

    def versions(self) -> dict[str, RegisteredVersion]:
        """Return the versions by the key of their fit; of two of one fit the older."""
        with self._tracker.session() as client:
            return self._versions(client)

    def aliases(self) -> dict[str, str]:
        """Return the aliases and the versions they point at, of whoever made them."""
        with self._tracker.session() as client:
            return self._aliases(client)

    def add(self, fit: str, address: str, run: TrackedRun, tags: Mapping[str, str]) -> RegisteredVersion:
        """Register a logged model as a version and return it; the fit that is registered already keeps its version.

        Parameters
        ----------
        address : str
            ``models:/...``, as :func:`smo_pipelines.tracking.models.log_model` returns it.
        """
        with self._tracker.session() as client:
            found = self._versions(client).get(fit)
            if found is not None:
                return found
            self._make(client)
            model_id = address.removeprefix("models:/")
            # a SQLite registry would look the address up in whatever tracker this process talks to, so it is told the place itself
            source = address if self._tracker.uri.startswith("http") else client.get_logged_model(model_id).artifact_location
            made = client.create_model_version(
                self.name, source=source, run_id=run.run_id, tags=_legal({**tags, FIT_TAG: fit}), model_id=model_id
            )
            return _version(made)

    def tag(self, fit: str, tags: Mapping[str, str]) -> None:
        """Write tags on the version of a fit; other tags stay.

        Raises
        ------
        TrackingError
            When the fit is not registered.
        """
        with self._tracker.session() as client:
            version = self._registered(self._versions(client), fit)
            for key, value in _legal(tags).items():
                if version.tags.get(key) != value:
                    client.set_model_version_tag(self.name, version.version, key, value)

    def point(self, wanted: Mapping[AliasName, str], before: Mapping[AliasName, str], *, move: int) -> Synced:
        """Point the three aliases at the versions of these fits, and remove those of the three that are not named.

        Parameters
        ----------
        wanted : mapping of AliasName to fit
        before : mapping of AliasName to fit
            Where they pointed after the move before, which a registry that was down may still show. What it shows else, or shows
            again after it had this move, was done by somebody else.
        move : int
            The number of the last move.

        Raises
        ------
        TrackingError
            When a fit is not registered.
        """
        with self._tracker.session() as client:
            versions = self._versions(client)
            now = self._aliases(client)
            expected = wanted if self._move_shown(client) == str(move) else before
            put_back = []
            # the champion last: whoever reads it then finds the others in place
            for alias in (AliasName.previous_champion, AliasName.challenger, AliasName.champion):
                target = self._registered(versions, wanted[alias]).version if alias in wanted else None
                found = now.get(alias)
                if found == target:
                    continue
                usual = versions[expected[alias]].version if expected.get(alias) in versions else None
                if found is not None and found != usual:
                    put_back.append(f"{alias} pointed at version {found}, where somebody else had put it")
                if target is None:
                    client.delete_registered_model_alias(self.name, alias.value)
                else:
                    client.set_registered_model_alias(self.name, alias.value, target)
            client.set_registered_model_tag(self.name, _MOVE_TAG, str(move))
            left = self._aliases(client)
            return Synced(aliases={alias: left[alias] for alias in AliasName if alias in left}, put_back=tuple(put_back))

    def _make(self, client: Any) -> None:
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(self.name, tags={"smo.area": self.area}, description=_NOTE.format(area=self.area))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _versions(self, client: Any) -> dict[str, RegisteredVersion]:
        found: dict[str, RegisteredVersion] = {}
        page = client.search_model_versions(f"name = '{self.name}'", max_results=1000)
        rows = list(page)
        while page.token:
            page = client.search_model_versions(f"name = '{self.name}'", max_results=1000, page_token=page.token)
            rows += page
        for row in sorted(rows, key=lambda row: int(row.version)):
            version = _version(row)
            found.setdefault(version.fit, version)
        return found

    def _aliases(self, client: Any) -> dict[str, str]:
        model = self._model(client)
        return {} if model is None else {str(alias): str(version) for alias, version in model.aliases.items()}

    def _move_shown(self, client: Any) -> str | None:
        model = self._model(client)
        return None if model is None else model.tags.get(_MOVE_TAG)

    def _model(self, client: Any) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return client.get_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def _registered(self, versions: Mapping[str, RegisteredVersion], fit: str) -> RegisteredVersion:
        if fit not in versions:
            raise TrackingError(f"{self.name} has no version of the fit {fit[:12]}; `smo promote` registers it")
        return versions[fit]


def _version(row: Any) -> RegisteredVersion:
    tags = {str(key): str(value) for key, value in row.tags.items()}
    return RegisteredVersion(version=str(row.version), fit=tags.get(FIT_TAG, ""), source=str(row.source), tags=tags)


def _legal(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value if len(value) <= MAX_TAG else value[: MAX_TAG - 1] + "…" for key, value in tags.items() if value}
