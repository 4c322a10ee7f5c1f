"""Where countries lie: UN M49 regions, and prototypes that are alike where countries are near.

``prototypes.npz`` is made by ``prototypes.py``, which names its sources and their terms.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

TABLE = Path(__file__).with_name("prototypes.npz")

_REGIONS = {
    "Africa": "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS "
    "LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TF TG TN TZ "
    "UG YT ZA ZM ZW IO",
    "Americas": "AG AI AR AW BB BL BM BO BQ BR BS BV BZ CA CL CO CR CU CW DM DO EC FK GD GF GL GP "
    "GS GT GY HN HT JM KN KY LC MF MQ MS MX NI PA PE PM PR PY SR SV SX TC TT US UY VC "
    "VE VG VI",
    "Asia": "AE AF AM AZ BD BH BN BT CN CY GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB "
    "LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE",
    "Europe": "AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT "
    "JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA",
    "Oceania": "AS AU CC CK CX FJ FM GU HM KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU "
    "WF WS",
}
#: The UN M49 region of a country, by its ISO code (Taiwan with Asia; Antarctica has none).
REGION = {code: name for name, codes in _REGIONS.items() for code in codes.split()}
REGIONS = tuple(_REGIONS)


def prototypes() -> tuple[list[str], np.ndarray]:
    """The countries of the world by ISO code, and where they lie, float64 [countries, 512].

    Rows have norm 1; their mean is not taken off, so that all countries are a little alike.
    """
    with np.load(TABLE) as table:
        return [str(code) for code in table["countries"]], table["vectors"].astype(np.float64)


def kinship(vectors: np.ndarray, shared: float, own: float) -> np.ndarray:
    """How alike the weights of two countries are expected to be, float64 [countries, countries].

    Country weights are taken to be ``A @ prototype + w``, ``A`` shared by all and ``w`` a
    country's own, under L2 penalties ``shared`` and ``own``. That is the Gaussian prior with
    this covariance between countries, and ``shared = inf`` is the plain ridge.
    """
    return vectors @ vectors.T / shared + np.eye(len(vectors)) / own
