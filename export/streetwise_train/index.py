"""``index.csv`` as spreadsheets and other programs write it; read by the same rule as by the app.

``src/dataset/index.rs`` of the repository is the other reader; ``tests/golden/lists`` has lists
and what both must find in them.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from . import country_names

#: What separates cells, in the order tried: the first that gives the columns needed is taken.
DELIMITERS = ",;\t"
#: Names of the columns, each with those that other programs use; the first that is there is taken.
COLUMNS = {
    "file": ("file", "file_name", "filename", "image", "path"),
    "country": ("country", "label", "country_code", "iso2"),
    "place": ("place",),
    "source": ("source",),
    "check": ("check",),
    "split": ("split",),
}
NEEDED = (
    "its first line must name the columns file (or file_name, image, path) and country (or label, "
    "country_code, iso2), separated by commas, semicolons or tabs"
)
#: A cell may be as long as the file: a missing quotation mark is told with its line.
csv.field_size_limit(2**31 - 1)


class NoIndexError(ValueError):
    """A file that is no index, with what is wrong as a sentence."""


@dataclass(frozen=True)
class Row:
    """A row's cells: the picture, its country's code, and what may be empty."""

    file: str
    country: str
    place: str
    source: str
    check: str
    split: str


def read(content: bytes) -> tuple[list[Row], list[str]]:
    """The rows of an index, and those that cannot be read, as ``line 4: why``.

    Raises :class:`NoIndexError` where the header does not name the columns needed.
    """
    text = decode(content)
    delimiter, columns, width = header(text)
    rows, left_out, line = [], [], 1
    table = csv.reader(lines(text), delimiter=delimiter)
    for cells in table:
        begins, line = line, table.line_num + 1
        if begins == 1 or not any(cell.strip() for cell in cells):
            continue
        try:
            rows.append(row(cells, columns, width))
        except ValueError as why:
            left_out.append(f"line {begins}: {why}")
    return rows, left_out


def decode(content: bytes) -> str:
    """The text of UTF-8 or UTF-16, with or without a byte order mark.

    Bytes of another encoding become lone surrogates, so that they cost their row and not the list.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    # A header begins with a letter, so a zero byte beside it is UTF-16 without a mark.
    elif b"\0" in content[:2]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    else:
        return content.decode("utf-8-sig", "surrogateescape")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise NoIndexError("it is neither UTF-8 nor UTF-16 text") from error


def lines(text: str) -> io.StringIO:
    """The text for :mod:`csv`, which ends lines itself."""
    return io.StringIO(text, newline="")


def header(text: str) -> tuple[str, dict[str, int], int]:
    """Delimiter, numbers of the columns, and cells of the header."""
    widest: list[str] = []
    for delimiter in DELIMITERS:
        names = next(csv.reader(lines(text), delimiter=delimiter), None)
        if names is None:
            raise NoIndexError("it is empty")
        if not is_text("".join(names)):
            raise NoIndexError("its first line is not UTF-8 text; save it as CSV UTF-8")
        names = [name.strip().lower() for name in names]
        known = {
            column: next((names.index(name) for name in spelled if name in names), -1)
            for column, spelled in COLUMNS.items()
        }
        columns = {column: number for column, number in known.items() if number >= 0}
        if {"file", "country"} <= columns.keys():
            return delimiter, columns, len(names)
        widest = max(widest, names, key=len)
    raise NoIndexError(f"{NEEDED}; it names {', '.join(widest)}")


def is_text(cell: str) -> bool:
    """Whether a cell was UTF-8."""
    return not re.search("[\ud800-\udfff]", cell)


def row(cells: list[str], columns: dict[str, int], width: int) -> Row:
    """A row's cells; those not there are empty. Raises ``ValueError`` with what is wrong."""
    found = dict.fromkeys(COLUMNS, "")
    for column, number in columns.items():
        cell = cells[number].strip() if number < len(cells) else ""
        if not is_text(cell):
            raise ValueError("not UTF-8 text")
        if re.search("[\r\n]", cell):
            raise ValueError("a cell goes on in the next line, is a quotation mark missing?")
        found[column] = cell
    if any(cell.strip() for cell in cells[width:]):
        raise ValueError("more cells than the header has, is a quotation mark missing?")
    for column, what in (("file", "picture"), ("country", "country")):
        if not found[column]:
            raise ValueError(f"no {what} is named")
    code = country_names.read(found["country"])
    if code is None:
        raise ValueError(country_names.unknown(found["country"]))
    return Row(**found | {"country": code})
