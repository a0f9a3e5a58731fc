"""A window that moves over a file's characters, reads JSON values under way, and knows its line."""

import codecs
import json
import re
from collections.abc import Callable
from typing import Any

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.formats.listener import Listener

__all__ = ["JsonText"]

_CHUNK = 1 << 20
_BLANK = re.compile(r"[ \t\r\n]*")
_AFTER = frozenset(",]} \t\r\n:")  # a value that one of these follows is whole
_LONGEST_RECORD = 8 << 20  # characters; a longer one is no item that a person rated
_LONGEST_NUMBER = 300  # digits; Python refuses to convert thousands of them
# what may stand for a character that no text can hold: raw, or escaped (half a pair is an error only when the other is missing)
_SUSPECT = re.compile(r"[\x00\ud800-\udfff]|\\u0000|\\u[dD][89a-fA-F]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class JsonText:
    """A window on a file's characters that moves on and knows its line."""

    def __init__(self, name: str, read: Callable[[int], bytes], size: int, listener: Listener) -> None:
        self.name, self.line = name, 1
        self._read, self._size, self._done, self._listener = read, size, 0, listener
        self._text, self._at, self._line_start = "", 0, 0  # _line_start: where the line begins, below 0 when before the window
        first = read(_CHUNK)
        encoding = json.detect_encoding(first[:64])
        # Bytes that are not UTF-8 come out as half pairs, which make one record unusable and not the whole file.
        errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._last = False
        self._repeated: list[str] = []
        self._json = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=_whole_number, parse_constant=lambda _: None, strict=False
        )
        self._append(first)

    def _append(self, content: bytes) -> None:
        self._done += len(content)
        self._last = not content
        try:
            more = self._decoder.decode(content, final=self._last)
        except UnicodeDecodeError as error:
            raise ImportRefused(f"{self.name}: not {error.encoding} text; save the export as UTF-8") from error
        self._text, self._line_start = self._text[self._at :] + more, self._line_start - self._at
        self._at = 0
        self._listener.progress(min(self._done / self._size, 1.0))

    def _more(self) -> bool:
        """Widen the window, at least to its double, so that a long record is tried few times."""
        if self._last:
            return False
        self._append(self._read(max(_CHUNK, 2 * (len(self._text) - self._at))))
        return True

    def _move(self, to: int) -> None:
        breaks = self._text.count("\n", self._at, to)
        if breaks:
            self.line += breaks
            self._line_start = self._text.rindex("\n", self._at, to) + 1
        self._at = to

    def peek(self) -> str:
        """Go to the next character that is not blank and return it; empty at the end."""
        while True:
            found = _BLANK.match(self._text, self._at)
            self._move(found.end() if found else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, expected: str) -> None:
        """Step over one character that must be there."""
        got = self.peek()
        if got != expected:
            said = f"{expected!r} belongs here and there is {got!r}" if got else "the file is cut off here"
            raise self.refusal(said)
        self._at += 1

    def value(self, *, longest: int = _LONGEST_RECORD) -> tuple[Any, str]:
        """Read one value and return it with what is wrong with it, e.g. that it has too many characters."""
        while True:
            self._repeated.clear()
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._more():
                    continue
                self._move(min(error.pos, len(self._text)))
                cut = "; the file is cut off" if self._at >= len(self._text) or error.msg.startswith("Unterminated") else ""
                raise self.refusal(f"{error.msg[0].lower()}{error.msg[1:]}{cut}") from error
            except RecursionError as error:
                raise self.refusal("values are nested too deeply") from error
            if self._text[end : end + 1] not in _AFTER and self._more():
                continue  # a number may go on
            content = self._text[self._at : end]
            self._move(end)
            return self._checked(value, content, longest)

    def _checked(self, value: Any, content: str, longest: int = _LONGEST_RECORD) -> tuple[Any, str]:
        if len(content) > longest:
            return None, f"{len(content):,} characters, and a record has {longest:,} at most"
        fault = f"the key {self._repeated[0][:40]!r} stands twice" if self._repeated else ""
        plain = content.isascii() and "\\u" not in content and "\x00" not in content
        if not fault and not plain and _SUSPECT.search(content):
            fault = _unstorable(value)
        return (None if fault else value), fault

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            self._repeated.append(next(name for name in names if names.count(name) > 1))
        return made

    def holds_lines(self) -> bool:
        """Return whether the first line is a value of its own and others follow."""
        while "\n" not in self._text[self._at :] and self._more():
            pass
        first, _, rest = self._text[self._at :].partition("\n")
        try:
            json.JSONDecoder(parse_int=_whole_number, strict=False).decode(first)
        except (json.JSONDecodeError, RecursionError):
            return False
        return bool(rest.strip()) or not self._last

    def value_of_line(self) -> tuple[Any, str]:
        """Read a line that is a value of its own; what is wrong with it stays on it."""
        end = self._text.find("\n", self._at)
        while end < 0 and self._more():
            end = self._text.find("\n", self._at)
        start, end = self._at, len(self._text) if end < 0 else end
        content = self._text[start:end]
        self._move(end)
        self._repeated.clear()
        try:
            value = self._json.decode(content)
        except json.JSONDecodeError as error:
            return None, f"not JSON at column {error.colno}: {error.msg[0].lower()}{error.msg[1:]}"
        except RecursionError:
            return None, "values are nested too deeply"
        return self._checked(value, content)

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self.peek():
            raise self.refusal("the JSON has ended and more follows")

    def refusal(self, what: str) -> ImportRefused:
        """Return the error that says where the file stops being JSON."""
        column = self._at - self._line_start + 1
        return ImportRefused(f"{self.name}: not JSON at line {self.line}, column {column}: {what}; export again")


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


def _unstorable(value: Any) -> str:
    """Return why a value cannot be stored: a text in it has a NUL, or half of a surrogate pair."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            found = _UNSTORABLE.search(one)
            if found:
                return "a NUL character" if found[0] == "\x00" else "bytes that are not UTF-8, or half of a character"
    return ""
