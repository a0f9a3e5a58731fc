"""One self-contained page an experiment."""

from smo_pipelines.report.forest import forest_png
from smo_pipelines.report.page import render

__all__ = ["forest_png", "render"]
