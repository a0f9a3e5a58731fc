"""What a mapping may say of an export in JSON, and what is taken where it says nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from smo_pipelines.errors import ImportRefused, LabelError, did_you_mean

__all__ = ["JsonOptions", "Survey"]

_COLUMNS = ("item_id", "text", "locale", "guideline", "instrument", "clause", "batch", "gold", "cost", "currency")
_CONSTANTS = ("question", *_COLUMNS[2:])
_MAPPINGS = ("columns", "constants", "questions", "values")


@dataclass(frozen=True, kw_only=True)
class JsonOptions:
    """How the records of a JSON export are read.

    Parameters
    ----------
    project : str
    questions : mapping of str to str
        Our name of a question to the export's (a control tag, an Argilla question). May be empty where the export has just one.
    columns : mapping of str to str
        Our name of a column to the record's key, e.g. ``{"text": "body", "guideline": "policy_version"}``; where no record has
        that key as data, to the question whose answer it is, e.g. ``{"clause": "which_clause"}``. The text is the key ``text``,
        or the only key that holds text, unless it is named. Legal: ``item_id, text, locale, guideline, instrument, clause, batch,
        gold, cost, currency``.
    constants : mapping of str to str
        What holds for every rating, e.g. ``{"guideline": "hate@3"}``; ``question`` renames the only question.
    values : mapping of str to str
        The export's labels to ours. Several choices of one answer are one label, sorted and joined by ``|``.
    attributes : tuple of str
        Keys that become item attributes.
    labels : tuple of str, or mapping of str to tuple of str
        The closed set of labels, or that of each guideline; empty to accept any.
    max_bad_share : float
        Above this share of unreadable answers the import is refused whole.
    """

    project: str
    questions: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    labels: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    max_bad_share: float = 0.05

    def __post_init__(self) -> None:
        for given, legal in ((self.columns, _COLUMNS), (self.constants, _CONSTANTS)):
            for name in given:
                if name not in legal:
                    raise LabelError(f"the mapping names the column {name!r}, which is not read; {did_you_mean(name, legal)}")
        both = sorted(set(self.columns) & set(self.constants))
        if both:
            raise LabelError(f"the mapping gives {', '.join(both)} both a column and a constant; keep one")
        if not 0 <= self.max_bad_share < 1:
            raise LabelError(f"max_bad_share {self.max_bad_share} is not a share below 1")

    @classmethod
    def of(cls, options: Mapping[str, Any], form: str) -> "JsonOptions":
        """Return options from plain configuration.

        Parameters
        ----------
        options : mapping
        form : str
            The format's name, for the message of an error.

        Raises
        ------
        LabelError
            When an option is not known or has the wrong form, or the project is not named.
        """
        legal = [f.name for f in fields(cls)]
        for name, value in options.items():
            if name not in legal:
                raise LabelError(f"the {form} format has no option {name!r}; {did_you_mean(name, legal)}")
            _check_form(form, name, value)
        if not options.get("project"):
            raise LabelError(f"the {form} format needs the option 'project': name it with --project, or in the mapping")
        texts = {name: _texts(options[name]) for name in _MAPPINGS if name in options}
        named = {"attributes": tuple(map(_text, options.get("attributes", ()))), "labels": _label_sets(options.get("labels", ()))}
        return cls(**{**options, **texts, **named, "project": str(options["project"])})

    def legal_labels(self, guideline: str | None) -> tuple[str, ...]:
        """Return the closed set of labels under a guideline; empty for any."""
        if isinstance(self.labels, Mapping):
            return tuple(self.labels.get(guideline or "", ()))
        return self.labels


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the records of a file have, found before they are read.

    Attributes
    ----------
    texts : Counter
        Keys whose value is a text, with how many records have it so.
    keys : set of str
        All keys of the records' data.
    questions : mapping of str to set of str
        Questions (control tags) with the kinds of their answers.
    """

    texts: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    questions: dict[str, set[str]] = field(default_factory=dict)

    def saw(self, data: Mapping[str, Any]) -> None:
        """Count one record's data."""
        self.keys.update(data)
        self.texts.update(name for name, value in data.items() if isinstance(value, str))

    def asked(self, question: str, *kind: str) -> None:
        """Count one answer, of a kind unless it is empty."""
        self.questions.setdefault(question, set()).update(kind)

    def text_key(self, options: JsonOptions, file: str) -> str:
        """Return the key of the items' texts.

        Raises
        ------
        ImportRefused
            When no key, or more than one, could be it.
        """
        if "text" in options.columns:
            return options.columns["text"]
        spoken_for = {*options.columns.values(), *options.attributes, *options.questions.values()}
        choices = sorted(name for name in self.texts if name not in spoken_for)
        if "text" in choices or len(choices) == 1:
            return "text" if "text" in choices else choices[0]
        found = f"could be {', '.join(choices)}" if choices else f"is none of {', '.join(sorted(self.keys)) or 'no keys'}"
        raise ImportRefused(
            f"{file}: which key holds the text is not plain; it {found}: name it in the mapping, columns: {{text: ...}}"
        )

    def chosen_questions(self, options: JsonOptions, file: str, *, kinds: Iterable[str]) -> dict[str, str]:
        """Return our names of the questions by the export's.

        Parameters
        ----------
        options : JsonOptions
        file : str
        kinds : iterable of str
            The kinds of answers that are labels and may be chosen unasked.

        Raises
        ------
        ImportRefused
            When the mapping names none and there is not exactly one, or it names one that the file does not have.
        """
        named = _named(self.questions)
        if options.questions:
            for theirs in options.questions.values():
                if self.questions and theirs not in self.questions:
                    raise ImportRefused(
                        f"{file} has no answers to {theirs!r}; {did_you_mean(theirs, self.questions)} (it has {named or 'no answers'})"
                    )
            return {theirs: ours for ours, theirs in options.questions.items()}
        legal = set(kinds)
        used = {theirs for theirs in options.columns.values() if theirs not in self.keys}
        choices = sorted(name for name, found in self.questions.items() if (found & legal or not found) and name not in used)
        if len(choices) == 1:
            return {choices[0]: options.constants.get("question", choices[0])}
        if not self.questions:
            return {}
        raise ImportRefused(
            f"{file} asks {named}, and {'none of them is' if not choices else 'more than one is'} a label by its form: say which is "
            "a question of yours in the mapping, questions: {hate: its name in the export}"
        )

    def others(self, options: JsonOptions, chosen: Mapping[str, str]) -> str:
        """Return the questions that are neither chosen nor a column of the mapping, in words."""
        used = {*chosen, *options.columns.values()}
        return _named({name: kinds for name, kinds in self.questions.items() if name not in used})

    def check(self, options: JsonOptions, file: str) -> None:
        """Make sure that every key which the mapping names is there.

        Raises
        ------
        ImportRefused
        """
        for name in (*options.columns.values(), *options.attributes):
            if name not in self.keys and name not in self.questions:
                legal = {*self.keys, *self.questions}
                raise ImportRefused(f"no record of {file} has the key {name!r} that the mapping names; {did_you_mean(name, legal)}")


def _named(questions: Mapping[str, Iterable[str]]) -> str:
    return ", ".join(f"{name} ({'/'.join(sorted(kinds)) or 'unanswered'})" for name, kinds in sorted(questions.items()))


def _check_form(form: str, name: str, value: object) -> None:
    wanted: tuple[tuple[type, ...], str] = ((object,), "")
    if name in _MAPPINGS:
        wanted = ((Mapping,), "names to values")
    elif name in ("attributes", "labels"):
        wanted = ((list, tuple, Mapping) if name == "labels" else (list, tuple), "a list")
    elif name == "max_bad_share":
        wanted = ((int, float), "a number")
    if not isinstance(value, wanted[0]) or (isinstance(value, bool) and name == "max_bad_share"):
        raise LabelError(f"the option {name!r} of the {form} format is {value!r}, and must be {wanted[1]}")


def _text(value: object) -> str:
    """Return a value of a mapping file as text: there, an unquoted label 1 is a number and true a truth."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _texts(values: Mapping[Any, object]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in values.items()}


def _label_sets(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {str(name): tuple(map(_text, labels)) for name, labels in values.items()}
    return tuple(map(_text, values))
