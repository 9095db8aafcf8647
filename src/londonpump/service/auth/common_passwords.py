"""Passwords that are tried first by whoever guesses: recognised by rule, with a short list of words of our own.

Refused are: at most two different characters; one part repeated; runs of the alphabet, of digits or of the
keyboard, both ways; digits alone up to 11 (dates, telephone numbers); and a word of the list, the name of the
product or the user's own name with nothing but digits and signs around it, also where digits and signs stand for
letters (P4ssw0rd!). That is what the published lists of the commonest passwords of 8 or more characters are made of.
"""

import re
from unicodedata import normalize

MAX_DIGITS = 11
MIN_OWN_NAME_LENGTH = 3
_LETTERS_FOR = str.maketrans("013457@$!|", "oieastasii")
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "azertyuiop",
    "qwertzuiop",
    "1234567890-=",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
    "q1w2e3r4t5y6u7i8o9p0",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()",
    '!"£$%^&*()',
)
_SHORTEST_RUN = 3
_WORDS = frozenset(
    [
        "password",
        "passwort",
        "passwd",
        "pass",
        "passcode",
        "passphrase",
        "motdepasse",
        "secret",
        "letmein",
        "welcome",
        "access",
        "login",
        "logon",
        "signin",
        "admin",
        "administrator",
        "root",
        "user",
        "username",
        "guest",
        "test",
        "testing",
        "tester",
        "demo",
        "default",
        "changeme",
        "change",
        "sample",
        "example",
        "master",
        "system",
        "service",
        "server",
        "manager",
        "operator",
        "analyst",
        "control",
        "dispatch",
        "dispatcher",
        "brigade",
        "fire",
        "fireman",
        "firefighter",
        "engine",
        "pump",
        "station",
        "emergency",
        "rescue",
        "london",
        "england",
        "britain",
        "londonpump",
        "lfb",
        "iloveyou",
        "loveyou",
        "lovely",
        "love",
        "sunshine",
        "princess",
        "prince",
        "monkey",
        "dragon",
        "shadow",
        "superman",
        "batman",
        "spiderman",
        "ironman",
        "starwars",
        "pokemon",
        "naruto",
        "minecraft",
        "fortnite",
        "football",
        "soccer",
        "baseball",
        "basketball",
        "hockey",
        "cricket",
        "rugby",
        "tennis",
        "golf",
        "arsenal",
        "chelsea",
        "tottenham",
        "spurs",
        "liverpool",
        "everton",
        "manchester",
        "united",
        "westham",
        "fulham",
        "millwall",
        "charlton",
        "crystalpalace",
        "rangers",
        "celtic",
        "barcelona",
        "juventus",
        "realmadrid",
        "michael",
        "jennifer",
        "jessica",
        "jordan",
        "joshua",
        "daniel",
        "charlie",
        "thomas",
        "robert",
        "andrew",
        "matthew",
        "anthony",
        "ashley",
        "nicole",
        "michelle",
        "samantha",
        "elizabeth",
        "victoria",
        "alexander",
        "christopher",
        "william",
        "george",
        "harry",
        "hannah",
        "amanda",
        "melissa",
        "patrick",
        "benjamin",
        "computer",
        "internet",
        "google",
        "facebook",
        "samsung",
        "microsoft",
        "windows",
        "apple",
        "android",
        "flower",
        "butterfly",
        "chocolate",
        "cookie",
        "banana",
        "orange",
        "cherry",
        "pepper",
        "ginger",
        "tigger",
        "buster",
        "bailey",
        "maggie",
        "killer",
        "hunter",
        "ranger",
        "soldier",
        "trustno",
        "whatever",
        "blahblah",
        "nothing",
        "freedom",
        "forever",
        "summer",
        "winter",
        "spring",
        "autumn",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "mustang",
        "corvette",
        "ferrari",
        "porsche",
        "mercedes",
        "yamaha",
        "harley",
        "hello",
        "goodbye",
        "abc",
        "qwerty",
        "qwertz",
        "azerty",
        "asdf",
        "zxcv",
        "qaz",
        "wsx",
        "aaa",
        "xxx",
    ]
)


def is_common(password: str, username: str) -> bool:
    """Whether guessing would begin with it."""
    plain = normalize("NFKC", password).casefold()
    if len(set(plain)) <= 2 or _is_repeated(plain) or _is_runs(plain):
        return True
    if plain.isdecimal() and len(plain) <= MAX_DIGITS:
        return True
    if plain == normalize("NFKC", username).casefold():
        return True
    own = _letters(username)
    known = _WORDS | ({own} if len(own) >= MIN_OWN_NAME_LENGTH else frozenset())
    return any(_is_made_of(core, known) for core in _cores(plain))


def _cores(plain: str) -> set[str]:
    """What is left without digits and signs around it, as it stands and with letters for digits."""
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    spelt = re.sub(r"[\W\d_]+$", "", plain).translate(_LETTERS_FOR)
    return {_letters(bare), _letters(bare.translate(_LETTERS_FOR)), _letters(spelt)}


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", normalize("NFKC", text).casefold())


def _is_made_of(core: str, words: frozenset[str]) -> bool:
    """One word, or two of them."""
    if core in words:
        return True
    return any(core[:cut] in words and core[cut:] in words for cut in range(3, len(core) - 2))


def _is_repeated(plain: str) -> bool:
    return plain in (plain + plain)[1:-1]


def _is_runs(plain: str) -> bool:
    """Whether it is nothing but runs of three or more, one after the other (abc123, qwerasdf)."""
    at = 0
    while at < len(plain):
        step = max((_run_at(plain[at:], run) for row in _RUNS for run in (row, row[::-1])), default=0)
        if step < _SHORTEST_RUN:
            return False
        at += step
    return True


def _run_at(text: str, run: str) -> int:
    """How many characters of a run the text begins with."""
    start = run.find(text[0])
    length = 0
    while start + length < len(run) and length < len(text) and run[start + length] == text[length]:
        length += 1
    return length if start >= 0 else 0
