"""The published spelling of categories, names, codes and postcode districts, whatever the case and blanks of a text.

Source: every value of the published records from 2009 to 2024 (LFB, Open Government Licence v3.0).
"""

import csv
import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib import resources

from londonpump.domain import incident_types
from londonpump.domain.stations import known_stations

BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u180e"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d"
    "\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
"""Every blank of Unicode, including those without a width and the byte order mark."""
STOP_CODES = (
    "AFA",
    "Alleged Fire Risk",
    "Chimney Fire",
    "False alarm - Good intent",
    "False alarm - Malicious",
    "Flood call attended - Batch mobilised",
    "Late Call",
    "Primary Fire",
    "Secondary Fire",
    "Special Service",
    incident_types.SPECIAL_OPERATIONS,
)
PROPERTY_CATEGORIES = (
    "Aircraft",
    "Boat",
    "Dwelling",
    "Non Residential",
    "Other Residential",
    "Outdoor",
    "Outdoor Structure",
    "Rail Vehicle",
    "Road Vehicle",
)
ADDRESS_QUALIFIERS = (
    "Correct incident address",
    "Correct incident location",
    "In street close to gazetteer location",
    "In street outside gazetteer location",
    "In street remote from gazetteer location",
    "Nearby address - no building in street",
    "Nearby address - street not listed in gazetteer",
    "On land associated with building",
    "On motorway / elevated road",
    "Open land/water - nearest gazetteer location",
    "Railway land or rolling stock",
    "Within same building",
)
DELAY_DESCRIPTIONS = (
    "Address incomplete/wrong",
    "Appliance/Equipment defect",
    "Arrived but held up - Other reason",
    "At drills when mobilised",
    "Mob/Radio problems when mobilised",
    "Not held up",
    "On outside duty when mobilised",
    "Traffic calming measures",
    "Traffic, roadworks, etc",
    "Weather conditions",
)
NAMES_BY_COLUMN: dict[str, tuple[str, ...]] = {
    "incident_group": (*incident_types.FIRE_GROUPS, "Special Service"),
    "stop_code": STOP_CODES,
    "special_service_type": (*incident_types.SPECIAL_SERVICES, incident_types.SPECIAL_OPERATIONS),
    "property_category": PROPERTY_CATEGORIES,
    "address_qualifier": ADDRESS_QUALIFIERS,
    "frs": ("London", "OverTheBorder"),
    "deployed_from": (incident_types.HOME_STATION, incident_types.OTHER_STATION),
    "delay_description": DELAY_DESCRIPTIONS,
}
"""The published names by column; those of stations and property types are lists of their own."""
FRS_ALIASES = {"london": "London", "london fire brigade": "London", "lfb": "London"}
"""Spellings of the Brigade's own name in the column FRS."""
_BLANK_RUN = re.compile(f"[{BLANKS}]+")

Normaliser = Callable[[str], str]


def strip_blanks(text: str) -> str:
    """Return the text without blanks of any kind at its ends."""
    return text.strip(BLANKS)


def spelling_normaliser(column: str) -> Normaliser:
    """Return the function that gives the published spelling of a trimmed text of a column (the product's name).

    A text that was never published keeps its spelling, except that its blanks become ordinary ones.
    """
    if column in ("borough_name", "borough_code", "postcode_district", "resource_code", "station_code"):
        return lambda text: _BLANK_RUN.sub(" ", text).upper()
    names, known = _names(column)
    return lambda text: text if text in known else names.get(_key(text), _BLANK_RUN.sub(" ", text))


def _key(text: str) -> str:
    return _BLANK_RUN.sub(" ", text).casefold()


@cache
def _names(column: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return the published name of each key, and every published name as it is."""
    published = tuple(_published(column))
    # the first wins: "Water Provision" and "Water provision" are both published
    names = {_key(name): name for name in reversed(published)}
    return names | (FRS_ALIASES if column == "frs" else {}), frozenset(published)


def _published(column: str) -> Iterable[str]:
    if column in ("station_ground", "first_station", "second_station", "station_name"):
        return (station.name for station in known_stations())
    return _property_types() if column == "property_type" else NAMES_BY_COLUMN.get(column, ())


def _property_types() -> Iterable[str]:
    text = resources.files(__package__).joinpath("property_types.csv").read_text("utf-8")
    return (row["property_type"] for row in csv.DictReader(text.splitlines()))


OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][0-9A-Z]?")
FULL = re.compile(r"([A-Z]{1,2}[0-9][0-9A-Z]?) ?[0-9][A-Z]{2}")
SECTOR = re.compile(r"([A-Z]{1,2}[0-9][0-9A-Z]?) [0-9]")
"""The blank is needed: `SE17` is a district of its own, and not the sector 7 of SE1."""


def normalise_code(text: str) -> str:
    """Return the code of a pump or a station: `g30` and ` G30 ` are G30.

    A text that cannot be a code is returned as given, so that the check of it can quote it.
    """
    # every Unicode blank, as people paste them
    normalised = " ".join(text.split())
    return normalised.upper() if normalised.isascii() else normalised


def normalise_district(text: str) -> str:
    """Return the postcode district: `se1`, `SE1 7PB`, `se17pb` and the sector `SE1 7` are SE1."""
    normalised = normalise_code(text)
    # `SE17` is a valid district as it is, so districts are matched before full postcodes.
    if OUTWARD.fullmatch(normalised):
        return normalised
    found = FULL.fullmatch(normalised) or SECTOR.fullmatch(normalised)
    return found[1] if found else normalised
