"""Makes ``streetwise_train/country_names.tsv``; run by ``cargo xtask country-names``.

stdin has a JSON object a line, ``{"code", "alpha3", "short", "long", "others"}``: what the crate
``keshvar`` knows of a country. English and native names come from CLDR through Babel, the spellings
that neither has from :data:`OTHERS`.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict

import babel
from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages

from streetwise_train.country_names import TABLE, key

#: Common spellings that are in neither source, and codes that others use.
OTHERS = {
    "AE": ["UAE", "Emirates"],
    "BA": ["Bosnia"],
    "BN": ["Brunei"],
    "CD": ["DR Congo", "DRC", "Democratic Republic of the Congo", "Zaire"],
    "CG": ["Republic of the Congo", "Congo Republic", "Congo"],
    "CI": ["Ivory Coast"],
    "CV": ["Cabo Verde"],
    "CZ": ["Czech Republic"],
    "FK": ["Falklands"],
    "FM": ["Micronesia"],
    "GB": ["UK", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"],
    "GR": ["EL", "Hellas"],
    "HK": ["Hong Kong"],
    "KP": ["DPRK"],
    "KR": ["Republic of Korea", "Korea"],
    "LA": ["Laos"],
    "MK": ["Macedonia", "FYROM"],
    "MM": ["Burma", "Myanmar"],
    "MO": ["Macau", "Macao"],
    "NL": ["Holland"],
    "PS": ["Palestine"],
    "RE": ["Reunion Island"],
    "SZ": ["Swaziland"],
    "TL": ["East Timor"],
    "TR": ["Turkey"],
    "TW": ["Taiwan"],
    "US": ["USA", "America", "United States of America"],
    "VA": ["Vatican", "Vatican City", "Holy See"],
    "VI": ["US Virgin Islands"],
    "XK": ["XKX", "XKK", "Kosova", "Republic of Kosovo"],
}
HEAD = """\
# Countries by their names: code, then names separated by tabs, the English one first.
# Made by `cargo xtask country-names`; do not edit. A name belongs to one country.
# Codes and other names: keshvar, BSD-3-Clause. English and native names: Unicode CLDR through
# Babel {version}, © Unicode, Inc., Unicode License v3.
"""


def native(code: str) -> list[str]:
    """The country's names in its official languages, as far as CLDR knows them."""
    names = []
    for language in get_official_languages(code, de_facto=True):
        try:
            names.append(Locale.parse(language).territories.get(code))
        except UnknownLocaleError:
            continue
    return [name for name in names if name]


def main() -> None:
    """Writes the table. A name of two countries goes to the one that claims it first, by kind."""
    known = {row["code"]: row for row in map(json.loads, sys.stdin)}
    known["XK"] = {"code": "XK", "alpha3": "XKX", "short": "Kosovo", "long": "Kosovo", "others": []}
    english = Locale("en").territories
    kinds = (
        lambda row: [row["code"], row["alpha3"]],
        lambda row: OTHERS.get(row["code"], []),
        lambda row: [english[row["code"]]],
        lambda row: [row["short"]],
        lambda row: native(row["code"]),
        lambda row: [row["long"], *row["others"]],
    )
    owner: dict[str, str] = {}
    for kind in kinds:
        claims = defaultdict(set)
        for code, row in known.items():
            for name in kind(row):
                claims[key(name)].add(code)
        for name, codes in claims.items():
            if name not in owner and len(codes) == 1:
                owner[name] = min(codes)
            elif name not in owner:
                print("left out, of several countries:", name, *sorted(codes), file=sys.stderr)
    lines = [HEAD.format(version=babel.__version__)]
    for code, row in sorted(known.items()):
        names, seen = [english[code].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")], {key(code)}
        for name in (*names, *(name for kind in kinds for name in kind(row))):
            name = " ".join(name.split())
            if owner.get(key(name)) == code and key(name) not in seen:
                seen.add(key(name))
                names += [] if name == names[0] else [name]
        lines.append("\t".join((code, *names)) + "\n")
    TABLE.write_text("".join(lines), "utf-8")


main()
