"""Codes and postcodes as people write them, brought to the spelling that the records have.

What cannot be one is returned as it was given, so that whoever checks it can say what is wrong with it.
"""

import re

OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][0-9A-Z]?")
FULL = re.compile(r"([A-Z]{1,2}[0-9][0-9A-Z]?) ?[0-9][A-Z]{2}")
SECTOR = re.compile(r"([A-Z]{1,2}[0-9][0-9A-Z]?) [0-9]")
"""The blank is needed: `SE17` is a district of its own, and not the sector 7 of SE1."""


def normalise_code(text: str) -> str:
    """Return the code of a pump or a station: `g30` and ` G30 ` are G30."""
    # every Unicode blank, as people paste them
    normalised = " ".join(text.split())
    return normalised.upper() if normalised.isascii() else normalised


def normalise_district(text: str) -> str:
    """Return the postcode district: `se1`, `SE1 7PB`, `se17pb` and the sector `SE1 7` are SE1."""
    normalised = normalise_code(text)
    if OUTWARD.fullmatch(normalised):
        return normalised
    found = FULL.fullmatch(normalised) or SECTOR.fullmatch(normalised)
    return found[1] if found else normalised
