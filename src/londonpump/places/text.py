"""Parsers of typed text: words with their abbreviations, postcodes, grid references, latitude and longitude."""

import re
import unicodedata
from dataclasses import dataclass

from londonpump.domain.national_grid import to_grid

STREETS = {
    "rd": "road", "st": "street", "str": "street", "sq": "square", "ln": "lane", "la": "lane", "av": "avenue",
    "ave": "avenue", "dr": "drive", "drv": "drive", "cl": "close", "clo": "close", "ct": "court", "crt": "court",
    "cres": "crescent", "cresc": "crescent", "gdn": "garden", "gdns": "gardens", "gr": "grove", "gro": "grove",
    "grv": "grove", "pl": "place", "pk": "park", "ter": "terrace", "terr": "terrace", "tce": "terrace", "wk": "walk",
    "wy": "way", "yd": "yard", "est": "estate", "hts": "heights", "par": "parade", "pde": "parade",
    "prom": "promenade", "emb": "embankment", "br": "bridge", "brg": "bridge", "cir": "circus", "circ": "circus",
    "cnr": "corner", "cor": "corner", "rbt": "roundabout", "rdbt": "roundabout", "fly": "flyover", "hl": "hill",
    "grn": "green", "gn": "green", "cmn": "common", "pas": "passage", "psge": "passage", "mws": "mews",
    "xing": "crossing", "ind": "industrial", "jct": "junction", "jctn": "junction", "jn": "junction",
    "junc": "junction", "app": "approach", "mkt": "market",
}  # fmt: skip
"""Abbreviations of the kinds of street, as signs, gazetteers and operators write them."""
OTHERS = {
    "x": "cross", "hosp": "hospital", "stn": "station", "sta": "station", "hse": "house", "bldg": "building",
    "bldgs": "buildings", "ctr": "centre", "cntr": "centre", "center": "centre", "sch": "school",
    "uni": "university", "univ": "university", "coll": "college", "lib": "library", "cem": "cemetery",
    "ch": "church", "mt": "mount", "gt": "great", "grt": "great", "lt": "little", "ltl": "little", "up": "upper",
    "upr": "upper", "lwr": "lower", "nth": "north", "n": "north", "sth": "south", "s": "south", "e": "east",
    "w": "west", "pol": "police", "pri": "primary", "prim": "primary", "sec": "secondary", "ft": "fort",
    "underground": "tube", "nr": "near", "hq": "headquarters", "intl": "international", "amb": "ambulance",
}  # fmt: skip
"""Other abbreviations that are common in names of places."""
FILLERS = frozenset({"near", "by", "off", "of", "the", "at", "in", "and", "on"})
"""Words that a person may leave out or add."""
MAX_LENGTH, MAX_WORDS = 100, 10
_TERMINAL = re.compile(r"t([1-9])")
_APOSTROPHES = re.compile("['`´‘’]")
_NO_WORD = re.compile(r"[^0-9a-z]+")
_GRID = re.compile(r"\s*t([qlr])\s*(\d[\d\s]*)", re.IGNORECASE)
_SQUARES = {"q": (500_000, 100_000), "l": (500_000, 200_000), "r": (600_000, 100_000)}
_METRES = re.compile(r"\s*e?\s*(\d{6})(?:\.\d+)?\s*[,;/ ]\s*n?\s*(\d{6})(?:\.\d+)?\s*", re.IGNORECASE)
_DEGREE = r"(-?\d{1,2}(?:\.\d+)?)(?:\s*[°d:\s]\s*(\d{1,2}(?:\.\d+)?))?(?:\s*['′m:\s]\s*(\d{1,2}(?:\.\d+)?))?\s*[\"″'′°s]*\s*"
_DEGREES = re.compile(rf"\s*{_DEGREE}([ns])?\s*[,;/ ]\s*{_DEGREE}([ew])?\s*", re.IGNORECASE)
_DECIMAL = re.compile(
    r"\s*(-?\d{1,2}\.\d+)\s*°?\s*([ns])?\s*[,;/ ]?\s*(-?\d{1,2}\.\d+)\s*°?\s*([ew])?\s*", re.IGNORECASE
)
_OUTWARD = r"[a-z]{1,2}[0-9oil][0-9a-z]?"
_FULL = re.compile(rf"\b({_OUTWARD})[\s-]*([0-9oil])\s*([a-z]{{2}})\b", re.IGNORECASE)
_PARTIAL = re.compile(r"\s*([a-z]{1,2}[0-9][0-9a-z]?)\s+([0-9][a-z]?)\s*", re.IGNORECASE)
# a letter typed for a digit can only be meant as the digit: no inward code begins with a letter
_AS_DIGIT = str.maketrans("oilOIL", "011011")


@dataclass(frozen=True, slots=True)
class Point:
    """A point that was typed as numbers."""

    text: str
    """The point as the service writes it, and the id of the match."""
    easting_m: float
    northing_m: float
    radius_m: float
    """Half of the last digit that was typed."""


def normalise(text: str) -> list[str]:
    """Return the words of a text: lower case, without accents, apostrophes and punctuation; `&` is `and`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    plain = "".join(each for each in _APOSTROPHES.sub("", decomposed) if not unicodedata.combining(each))
    return [word for word in _NO_WORD.split(plain) if word]


def name_words(name: str) -> list[str]:
    """Return the words of a name in a gazetteer with its abbreviations written out."""
    words = normalise(name)
    last = len(words) - 1
    return [
        # "St" before a name is a saint; only at the end is it a street
        "saint" if word == "st" and i < last else STREETS.get(word, word) if i else word
        for i, word in enumerate(words)
    ]


def query_words(text: str) -> list[tuple[str, ...]]:
    """Return the words that were typed, each with what it may stand for, the word itself last."""
    words: list[tuple[str, ...]] = []
    for word in normalise(text):
        if terminal := _TERMINAL.fullmatch(word):
            words += [("terminal",), (terminal[1],)]
        # both, because only the gazetteer knows which one is meant
        elif word == "st":
            words.append(("street", "saint", "st"))
        elif full := STREETS.get(word) or OTHERS.get(word):
            words.append((full, word))
        else:
            words.append((word,))
    return words[:MAX_WORDS]


def parse_point(text: str) -> Point | None:
    """Return the point of a grid reference, of easting and northing, or of latitude and longitude; None if it is none."""
    return _grid_reference(text) or _metres(text) or _degrees(text)


def _grid_reference(text: str) -> Point | None:
    found = _GRID.fullmatch(text)
    digits = "".join(found[2].split()) if found else ""
    if found is None or len(digits) % 2 or not 4 <= len(digits) <= 10:
        return None
    # as many digits for the easting as for the northing
    half = len(digits) // 2
    size = 10 ** (5 - half)
    west, south = _SQUARES[found[1].lower()]
    # the reference names the south-western corner of a square: its middle is meant
    easting_m = west + int(digits[:half]) * size + size / 2 * (size > 1)
    northing_m = south + int(digits[half:]) * size + size / 2 * (size > 1)
    return _point(easting_m, northing_m, size / 2)


def _metres(text: str) -> Point | None:
    found = _METRES.fullmatch(text)
    return _point(float(found[1]), float(found[2]), 0.5) if found else None


def _degrees(text: str) -> Point | None:
    if found := _DECIMAL.fullmatch(text):
        latitude, longitude = float(found[1]), float(found[3])
        is_west = (found[4] or "").lower() == "w"
        digits = min(len(found[1].partition(".")[2]), len(found[3].partition(".")[2]))
        radius_m = 111_000 * 10.0**-digits / 2
    elif (found := _DEGREES.fullmatch(text)) and found[4] and found[8]:
        latitude = _sexagesimal(found[1], found[2], found[3])
        longitude = _sexagesimal(found[5], found[6], found[7])
        is_west = found[8].lower() == "w"
        radius_m = 15.0 if found[3] else 930.0
    else:
        return None
    # the British Isles: elsewhere the numbers are something else
    if not (48 < latitude < 62 and -10 < longitude < 10):
        return None
    easting_m, northing_m = to_grid(latitude, -abs(longitude) if is_west else longitude)
    return _point(round(float(easting_m)), round(float(northing_m)), max(radius_m, 0.5))


def _sexagesimal(degrees: str, minutes: str | None, seconds: str | None) -> float:
    return float(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600


def _point(easting_m: float, northing_m: float, radius_m: float) -> Point:
    return Point(f"{easting_m:.0f},{northing_m:.0f}", easting_m, northing_m, radius_m)


def find_postcode(text: str) -> str | None:
    """Return the full postcode in a text, such as SW1A 2AA; None if there is none."""
    found = _FULL.search(text)
    # words such as "dulwich" have the form of a code without any digit
    if found is None or not any(each.isdigit() for each in found[0]):
        return None
    area = re.match(r"[a-z]{1,2}", found[1], re.IGNORECASE)
    n_letters = len(area[0]) if area else 0
    outward = (
        found[1][:n_letters]
        + found[1][n_letters : n_letters + 1].translate(_AS_DIGIT)
        + found[1][n_letters + 1 :]
    )
    return f"{outward} {found[2].translate(_AS_DIGIT)}{found[3]}".upper()


def without_postcode(text: str) -> str:
    """Return the text without the full postcode in it."""
    return _FULL.sub(" ", text, count=1)


def find_partial_postcode(text: str) -> str | None:
    """Return the start of a postcode such as `SW9 8A`, with its blank; None if the text is no such start."""
    found = _PARTIAL.fullmatch(text)
    return f"{found[1]} {found[2]}".upper() if found else None
