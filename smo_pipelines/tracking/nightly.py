"""Nights in MLflow: one run a plan and baseline, one step a night.

The store is the outbox of the nights: they are there before anything is sent, whole, and a call sends whatever the tracker does not
have. So a tracker that was down for a week is up to date after the next night.
"""

from typing import Any

from smo_pipelines.errors import TrackingError
from smo_pipelines.tracking.items import Tag
from smo_pipelines.tracking.mlflow_backend import MlflowTracker, TrackedRun, parts
from smo_pipelines.tracking.night_items import NightItems, NightPoints
from smo_pipelines.tracking.views import nightly_experiment_tags

__all__ = ["NightlyTracker"]

_AT_ONCE = 900


class NightlyTracker(MlflowTracker):
    """An MLflow server or SQLite file as the memory of nights."""

    def send_nights(self, items: NightItems) -> TrackedRun:
        """Bring the run of a baseline up to date: nights that the tracker lacks, then the page, the words for people last.

        The same items again change nothing. A run whose nights say something else than the store, as after a change of the
        detector's code, is kept as ``superseded_nightly`` and a new one takes its place. Runs of the plan's earlier baselines end.

        Raises
        ------
        TrackingError
            When the tracker does not take it; the next call sends everything that is missing.
        """
        with self._speaking(), self._alone():
            where = self._experiment_id(items.experiment_name, nightly_experiment_tags())
            run = self._found(where, items)
            if run is not None and self._contradicts(run, items):
                self._batch(run.info.run_id, tags=(Tag(key="smo.role", value="superseded_nightly"),))
                self._client.set_terminated(run.info.run_id, "FINISHED")
                run = None
            if run is None:
                run = self._begin(where, items)
            if run.data.tags.get("smo.record_digest") != items.digest:
                self._bring(run, items)
            self._end_earlier(where, items)
            return self._tracked(where, run)

    def _found(self, where: str, items: NightItems) -> Any:
        runs = self._nightly_runs(where, f"tags.`smo.baseline` = '{items.baseline}'")
        return runs[0] if runs else None

    def _nightly_runs(self, where: str, query: str) -> list[Any]:
        runs = self._client.search_runs([where], filter_string=f"{query} AND tags.`smo.role` = 'nightly'", max_results=1000)
        return sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))

    @staticmethod
    def _contradicts(run: Any, items: NightItems) -> bool:
        through = run.data.tags.get("smo.sent_through")
        return through is not None and run.data.tags.get("smo.sent_digest") != items.points_digest(through)

    def _begin(self, where: str, items: NightItems) -> Any:
        start = items.points[0].at_ms if items.points else 0
        mine = self._create(where, items.run_name, {tag.key: tag.value for tag in items.first_tags}, start)
        kept = self._found(where, items)
        if kept is None:
            raise TrackingError(f"the tracker {self.uri} does not find the run that it has just made; try again")
        if kept.info.run_id != mine.info.run_id:
            # another process made the run of this baseline in the same moment: one stays
            self._client.delete_run(mine.info.run_id)
            return kept
        self._batch(mine.info.run_id, params=items.params)
        self._inputs(mine.info.run_id, items.datasets)
        return mine

    def _bring(self, run: Any, items: NightItems) -> None:
        run_id, through = run.info.run_id, run.data.tags.get("smo.sent_through", "")
        waiting = [one for one in items.points if one.date > through]
        self._points(run_id, waiting)
        self._upload(run_id, items.artifacts)
        last = items.points[-1].date if items.points else ""
        marks = {"smo.sent_through": last, "smo.sent_digest": items.points_digest(last), "smo.record_digest": items.digest}
        sent = [Tag(key=key, value=value) for key, value in marks.items() if last or key == "smo.record_digest"]
        self._batch(run_id, tags=(*items.last_tags, *sent))

    def _points(self, run_id: str, waiting: list[NightPoints]) -> None:
        from mlflow import entities

        # a fixed moment and step make a repeated number the same row, so that a retry adds nothing
        rows = [entities.Metric(one.key, one.value, night.at_ms, night.step) for night in waiting for one in night.metrics]
        for some in parts(rows, _AT_ONCE):
            self._client.log_batch(run_id, metrics=some)

    def _end_earlier(self, where: str, items: NightItems) -> None:
        for run in self._nightly_runs(where, f"tags.`smo.plan` = '{items.plan}'"):
            tags = run.data.tags
            if tags["smo.baseline"] != items.baseline and tags["smo.blessed"] < items.blessed and tags.get("smo.state") != "ended":
                ended = {"state": "ENDED", "smo.state": "ended"}
                self._batch(run.info.run_id, tags=tuple(Tag(key=key, value=value) for key, value in ended.items()))
                self._client.set_terminated(run.info.run_id, "FINISHED")
