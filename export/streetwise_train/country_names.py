"""Countries by any of their names, as people write them in lists and on folders: to ISO codes.

The names are ``country_names.tsv``, which the app reads too (``src/geo/names.rs``): one table and
one rule, so that app and trainer call the same label the same country.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

TABLE = Path(__file__).with_name("country_names.tsv")
#: What :func:`key` takes out: accents, spaces, ASCII and General Punctuation, the middle dot.
DROPPED = re.compile(
    r"[\u0300-\u036f\s\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f\xa0\xb7\u2000-\u206f\ufeff]"
)
#: Shorter labels are codes; another code is always near, so nothing is suggested for them.
SHORTEST = 4
#: Likeness (``difflib``'s ratio) from which a name is suggested.
NEAR = 0.8


def key(label: str) -> str:
    """What spellings of one name have in common: small letters without accents, signs, spaces."""
    text = label.strip().lower().replace("&", " and ")
    text = re.sub(r"^the[\s_-]+", "", text)
    return DROPPED.sub("", unicodedata.normalize("NFKD", text))


def read_table(text: str) -> dict[str, list[str]]:
    """Names by code, in the order of the file; the first is the English one."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    rows = (line.split("\t") for line in lines)
    return {code: names for code, *names in rows}


NAMES = read_table(TABLE.read_text("utf-8")) if TABLE.is_file() else {}
#: All officially assigned alpha-2 codes, and XK for Kosovo.
CODES = frozenset(NAMES)
KEYS = {key(name): code for code, names in NAMES.items() for name in (code, *names)}


def read(label: str) -> str | None:
    """The code of the country that a label names; ``None`` for no country.

    Any case and accents, spaces or underscores: alpha-2 and alpha-3 codes, UK, English and native
    names, common other spellings.
    """
    return KEYS.get(key(label))


@lru_cache(1024)
def nearest(label: str) -> str | None:
    """The code of the country whose name is spelled most alike, where one is near."""
    wanted = key(label)
    near = difflib.get_close_matches(wanted, KEYS, 1, NEAR) if len(wanted) >= SHORTEST else []
    return KEYS[near[0]] if near else None


def unknown(label: str) -> str:
    """What to say of a label that names no country."""
    near = nearest(label)
    hint = f", did you mean {near}?" if near else ""
    return f"`{label.strip()}` is no country{hint}"


def read_list(text: str) -> tuple[str, ...]:
    """The codes of a list of labels separated by commas. Raises ``ValueError`` for no country."""
    labels = [label for label in text.split(",") if label.strip()]
    for label in labels:
        if read(label) is None:
            raise ValueError(unknown(label))
    return unique(read(label) for label in labels)


def unique(codes: Iterable[str | None]) -> tuple[str, ...]:
    """Each code once, in the order given."""
    return tuple(dict.fromkeys(code for code in codes if code))
