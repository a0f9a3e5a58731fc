"""Guideline files: Markdown with front matter, one file a version, clauses as second-level headings."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from smo_pipelines.config.reading import Strict, check_id, parse, read_text, read_yaml
from smo_pipelines.config.recipes import Words, predicate
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.guidelines import Clause, GuidelineVersion
from smo_pipelines.errors import ConfigError, did_you_mean

__all__ = ["load_guidelines", "parse_guideline"]

_HEADING = re.compile(r"^##\s+(?P<id>\S+)\s*(?P<title>.*)$")


class _AboutClause(Strict):
    """What the front matter may say of a clause: which items it is about, and the label it gives to all of them."""

    id: str
    items: dict[str, Words] = Field(default_factory=dict)
    expects: str | None = None


class _FrontMatter(Strict):
    id: str
    question: str
    labels: tuple[str, ...]
    positive: str
    parent: str | None = None
    summary: str = ""
    clauses: tuple[_AboutClause, ...] = ()


def parse_guideline(text: str, source: str | Path) -> GuidelineVersion:
    """Return the guideline version in a file's text.

    Raises
    ------
    ConfigError
        When the front matter or the clauses cannot be read.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---" or "---" not in (line.strip() for line in lines[1:]):
        raise ConfigError(f"{source}: a guideline starts with front matter between two lines of '---'")
    end = next(i for i, line in enumerate(lines[1:], start=1) if line.strip() == "---")
    front = parse(_FrontMatter, read_yaml("\n".join(lines[1:end]), source), source)
    check_id(front.id, f"{source}: guideline id")
    if "@" not in front.id:
        raise ConfigError(f"{source}: the id {front.id!r} must be name@version")
    if len(set(front.labels)) < max(2, len(front.labels)):
        raise ConfigError(f"{source}: labels {list(front.labels)}: at least two are needed, each once")
    try:
        return GuidelineVersion(
            id=front.id,
            question=front.question,
            labels=front.labels,
            positive=front.positive,
            parent=front.parent,
            summary=front.summary,
            clauses=_with_facts(_clauses(lines[end + 1 :]), front.clauses, source),
        )
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from error


def _with_facts(clauses: Sequence[Clause], about: Sequence[_AboutClause], source: str | Path) -> tuple[Clause, ...]:
    ids, said = [clause.id for clause in clauses], {entry.id: entry for entry in about}
    if len(said) < len(about):
        raise ConfigError(f"{source}: clauses: an id stands twice in {[entry.id for entry in about]}")
    for name in said:
        if name not in ids:
            raise ConfigError(f"{source}: clauses: there is no clause {name!r}; {did_you_mean(name, ids)}")
    return tuple(
        replace(clause, items=predicate(said[clause.id].items), expects=said[clause.id].expects) if clause.id in said else clause
        for clause in clauses
    )


def _clauses(lines: list[str]) -> list[Clause]:
    clauses: list[Clause] = []
    body: list[str] = []
    heading: re.Match[str] | None = None

    def close() -> None:
        if heading is not None:
            text = "\n".join(body).strip()
            clauses.append(Clause(id=heading["id"], title=heading["title"].strip(), text=text))

    for line in lines:
        found = _HEADING.match(line)
        if found:
            close()
            heading, body = found, []
        else:
            body.append(line)
    close()
    return clauses


def load_guidelines(root: ProjectRoot) -> dict[str, GuidelineVersion]:
    """Return every guideline version under ``configs/guidelines/<name>/<version>.md``, by id.

    Raises
    ------
    ConfigError
        When a file cannot be read, its id does not match its place, or its parent does not exist.
    """
    versions: dict[str, GuidelineVersion] = {}
    for path in sorted((root.configs / "guidelines").glob("*/*.md")):
        source = path.relative_to(root.path)
        version = parse_guideline(read_text(path, source), source)
        expected = f"{path.parent.name}@{path.stem}"
        if version.id != expected:
            raise ConfigError(f"{source}: the id is {version.id!r}; by its place it must be {expected!r}")
        versions[version.id] = version
    for version in versions.values():
        if version.parent is not None and version.parent not in versions:
            raise ConfigError(
                f"guideline {version.id}: unknown parent {version.parent!r}; {did_you_mean(version.parent, versions)}"
            )
    return versions
