"""How the columns of a file become ratings: the options of the ``mapped`` format."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from smo_pipelines.errors import ImportRefused, LabelError, did_you_mean

__all__ = ["FLAGS", "ITEM_ATTRIBUTE", "NUMBERS", "RATER_ATTRIBUTE", "TEXTS", "Cell", "MappedOptions"]

TEXTS = ("question", "guideline", "instrument", "clause", "review", "currency", "batch", "locale")
NUMBERS = ("duration_s", "cost")
FLAGS = ("is_gold", "skipped", "prelabelled")
ITEM_ATTRIBUTE, RATER_ATTRIBUTE = "attributes.", "rater_attributes."
_OTHERS = (
    "item_id", "rater_id", "label", "rating_id", "reviewer_id", "round", "created_at",
    "text", "gold", "rater_kind", "rater_pool", "rater_locale",
)  # fmt: skip
_KNOWN = frozenset((*TEXTS, *NUMBERS, *FLAGS, *_OTHERS))
_SHAPES = ("wide", "questions", "counts")
_BLANKS = ("no rating", "skipped")


class Cell(NamedTuple):
    """One label of a row: the column it is in, and what the columns of our own are for it."""

    column: str
    constants: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class MappedOptions:
    """How the columns of a file are read.

    A row is one rating, unless one of ``wide``, ``questions`` or ``counts`` says otherwise.

    Parameters
    ----------
    project : str
    columns : mapping of str to str
        Our name of a column to the file's, where they differ, e.g. ``{"label": "answer"}``. Ours are those of the label tables,
        ``text, gold, rater_kind, rater_pool, rater_locale``, and ``attributes.NAME`` and ``rater_attributes.NAME`` for attributes of
        items and raters. In JSON lines the file's name may be a path, ``data.text``.
    constants : mapping of str to str
        Columns that the file does not have, e.g. ``{"question": "hate", "guideline": "hate@3", "attributes.split": "train"}``.
    values : mapping of str to str
        The file's labels to ours; a label that is not a key stays as it is.
    attributes : tuple of str
        The file's columns that become item attributes under their own names; all other unmapped columns are left out.
    labels : tuple of str, or mapping of str to tuple of str
        The closed set of labels, or that of each guideline; empty to accept any.
    legal : mapping of str to tuple of str
        The closed set of values of another column, e.g. ``{"instrument": ["A", "B"]}``.
    max_bad_share : float
        Above this share of unreadable rows the import is refused whole.
    delimiter : str
        Of a CSV file; a tab where the file's name ends in ``.tsv``, else a comma.
    quotes : bool
        Whether ``"`` quotes in a CSV file.
    html_entities : bool
        Turn ``&amp;`` in texts into ``&``, once.
    wide : mapping
        One row an item, one column a rater. ``columns`` is a pattern (``"label_[0-9]*"``; it passes over columns that are mapped
        otherwise), a list of columns, or a mapping of each column to constants of its own
        (``{"label_1": {"rater_id": "ana", "rater_pool": "core"}}``). ``rater`` names the rater where a column does not:
        ``"{column}"`` unless given; ``{file}`` stands for the file's name without its ending.
    questions : mapping
        Several questions answered by one row: each to its column, or to ``{"label": column}`` and constants of its own
        (``{"hate": {"label": "is_hate", "guideline": "hate@3"}}``).
    counts : mapping of str to str
        Vote counts without raters: each label to the column of its count. Each vote becomes a rating by an anonymous slot of the
        item, ``vote-1`` and so on, of kind ``anonymous``.
    total : str
        With ``counts``, the column that their sum must equal, if there is one.
    blank : {"no rating", "skipped"}
        What an empty cell is, with ``wide`` and ``questions``.

    Raises
    ------
    LabelError
        When the options cannot be meant so.
    """

    project: str
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    labels: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    legal: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    max_bad_share: float = 0.05
    delimiter: str = ""
    quotes: bool = True
    html_entities: bool = False
    wide: Mapping[str, Any] = field(default_factory=dict)
    questions: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)
    total: str = ""
    blank: str = "no rating"

    def __post_init__(self) -> None:
        for name in (*self.columns, *self.constants, *self.legal):
            _check_name(name)
        if not 0 <= self.max_bad_share < 1:
            raise LabelError(f"max_bad_share {self.max_bad_share} is not a share below 1")
        if len(self.delimiter) > 1 or self.delimiter in ('"', "\n", "\r"):
            raise LabelError(f"delimiter {self.delimiter!r} is not one letter between columns, such as ';'")
        if self.blank not in _BLANKS:
            raise LabelError(f"blank {self.blank!r} is not legal; {did_you_mean(self.blank, _BLANKS)}")
        self._check_shape()

    def _check_shape(self) -> None:
        given = [name for name in _SHAPES if getattr(self, name)]
        if len(given) > 1:
            raise LabelError(f"a row is read in one way, and the mapping gives {' and '.join(given)}")
        if self.total and not self.counts:
            raise LabelError("total is the sum of counts, and the mapping gives no counts")
        if self.wide:
            for name in self.wide:
                if name not in ("columns", "rater"):
                    raise LabelError(f"wide has no option {name!r}; {did_you_mean(name, ['columns', 'rater'])}")
            if not self.wide.get("columns"):
                raise LabelError(
                    'wide needs columns: a pattern such as "label_[0-9]*", a list, or a mapping of each to its constants'
                )
        own = {"label", *self._cell_names()} if given else set[str]()
        both = sorted(own & {*self.columns, *self.constants})
        if both:
            raise LabelError(f"{given[0]} says what {', '.join(both)} is; take it out of columns and constants")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "MappedOptions":
        """Return options from plain configuration.

        Raises
        ------
        LabelError
            When an option is not known or has the wrong form, or the project is not named.
        """
        legal = {f.name: f.default_factory if callable(f.default_factory) else type(f.default) for f in fields(cls)}
        for name, value in options.items():
            if name not in legal:
                raise LabelError(f"the mapped format has no option {name!r}; {did_you_mean(name, legal)}")
            _check_form(name, value, legal[name])
        if "project" not in options:
            raise LabelError("the mapped format needs the option 'project': name it with --project, or in the mapping")
        changed: dict[str, Any] = {
            name: _texts(options[name]) for name in ("columns", "constants", "values", "counts") if name in options
        }
        changed |= {name: tuple(map(_text, options[name])) for name in ("attributes",) if name in options}
        changed |= {name: _sets(options[name]) for name in ("labels", "legal") if name in options}
        return cls(**{**options, "project": str(options["project"]), **changed})

    @property
    def sources(self) -> Mapping[str, str]:
        """Our names of the columns that a row has, to the file's."""
        own = {name: name for name in _KNOWN} | {ITEM_ATTRIBUTE + name: name for name in self.attributes} | dict(self.columns)
        shaped = {"label", *self._cell_names()} if any(getattr(self, name) for name in _SHAPES) else set()
        return {ours: theirs for ours, theirs in own.items() if ours not in self.constants and ours not in shaped}

    @property
    def needed(self) -> tuple[str, ...]:
        """The file's columns without which nothing can be read, but for those of ``wide``."""
        sources = self.sources
        needed = [sources[name] for name in ("item_id", "rater_id", "label", "question") if name in sources]
        needed += [theirs for ours, theirs in sources.items() if ours in self.columns or ours.startswith(ITEM_ATTRIBUTE)]
        needed += [cell.column for cell in self._questions()] + [*self.counts.values(), *([self.total] if self.total else [])]
        return tuple(dict.fromkeys(needed))

    def cells(self, file: str, names: Sequence[str] | None) -> list[Cell]:
        """Return the labels of a row; none where a row is one rating, or vote counts.

        Parameters
        ----------
        file : str
            The file's name.
        names : sequence of str, optional
            Its columns, where it says so itself.

        Raises
        ------
        ImportRefused
            When the file has none of the columns, or lacks one that is named.
        """
        return list(self._wide(file, names)) if self.wide else list(self._questions())

    def _wide(self, file: str, names: Sequence[str] | None) -> Iterator[Cell]:
        columns = self.wide["columns"]
        taken = frozenset(self.sources.values()) | frozenset(self.sources)
        chosen = (
            [n for n in names or () if fnmatchcase(n, columns) and n not in taken] if isinstance(columns, str) else list(columns)
        )
        if isinstance(columns, str) and names is None:
            raise LabelError(f"{file} has no header that the pattern {columns!r} could be held against; list the columns of wide")
        missing = [name for name in chosen if names is not None and name not in names]
        if missing or not chosen:
            raise ImportRefused(f"{file} lacks the columns {missing or columns!r} of wide; it has {', '.join(names or ())[:500]}")
        template = str(self.wide.get("rater", "{column}"))
        for column in chosen:
            rater = template.replace("{file}", file.rsplit(".", 1)[0]).replace("{column}", column)
            own = columns[column] or {} if isinstance(columns, Mapping) else {}
            yield Cell(column, {"rater_id": rater, **_texts(own)})

    def _questions(self) -> Iterator[Cell]:
        for question, asked in self.questions.items():
            own = _texts(asked) if isinstance(asked, Mapping) else {"label": str(asked)}
            if "label" not in own:
                raise LabelError(f"question {question!r} needs 'label': the column of its answers")
            yield Cell(own.pop("label"), {"question": str(question), **own})

    def _cell_names(self) -> frozenset[str]:
        """Return the columns of our own that the cells say, the same for all."""
        if self.counts:
            return frozenset({"rater_id", "rater_kind"})
        if self.questions:
            cells = list(self._questions())
        else:
            columns = self.wide.get("columns")
            own = [_texts(c or {}) for c in columns.values()] if isinstance(columns, Mapping) else [{}]
            cells = [Cell("", {"rater_id": "", **one}) for one in own] if self.wide else []
        for cell in cells:
            for name in cell.constants:
                _check_name(name)
            if set(cell.constants) != set(cells[0].constants):
                odd = sorted(set(cell.constants) ^ set(cells[0].constants))
                raise LabelError(
                    f"{'wide' if self.wide else 'questions'} says {', '.join(odd)} for some columns and not for others"
                )
        return frozenset(cells[0].constants) if cells else frozenset()


def _check_name(name: str) -> None:
    attribute = any(name.startswith(prefix) and name != prefix for prefix in (ITEM_ATTRIBUTE, RATER_ATTRIBUTE))
    if name not in _KNOWN and not attribute:
        raise LabelError(f"the mapping names the column {name!r}, which ratings do not have; {did_you_mean(name, _KNOWN)}")


def _check_form(name: str, value: object, kind: Any) -> None:
    forms: dict[Any, tuple[Any, str]] = {
        dict: (Mapping, "names to values"),
        tuple: (list | tuple | (Mapping if name == "labels" else tuple), "a list"),
        float: (int | float, "a number"),
        bool: (bool, "true or false"),
        str: (str, "a text"),
    }
    form, said = forms.get(kind, (object, ""))
    if not isinstance(value, form):
        raise LabelError(f"the option {name!r} is {value!r}, and must be {said}")


def _text(value: object) -> str:
    """Return a value of a YAML file as text: there, an unquoted label 1 is a number and yes a truth."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _texts(values: Mapping[Any, object]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in values.items()}


def _sets(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {str(name): tuple(map(_text, labels)) for name, labels in values.items()}
    return tuple(map(_text, values))
