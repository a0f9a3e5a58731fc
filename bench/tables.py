"""Tables that a program writes into a page of the documentation, between two marks."""

from pathlib import Path

__all__ = ["REAL_RUNS", "write_table"]

REAL_RUNS = Path(__file__).resolve().parents[1] / "docs" / "real-runs.md"
_END = "<!-- end of table -->"


def write_table(command: str, table: str, document: Path = REAL_RUNS) -> None:
    """Put a table in the place of what stands after the mark of a command.

    Raises
    ------
    ValueError
        When the page has no such mark.
    """
    start = f"<!-- table: {command} -->"
    before, found, rest = document.read_text(encoding="utf-8").partition(start)
    _, ended, after = rest.partition(_END)
    if not found or not ended:
        raise ValueError(f"{document.name} has no place for a table: {start} ... {_END}")
    document.write_text(f"{before}{start}\n\n{table.strip()}\n\n{_END}{after}", encoding="utf-8")
