"""Rules for usernames and passwords.

Common passwords are recognised by rule and with a short word list. Rejected are: at most two different characters; a
repeated part; runs of the alphabet, of digits or of the keyboard in either direction; up to 11 digits (dates, telephone
numbers); and a word of the list or the user's own name with only digits and signs around it, also if digits and signs
replace letters (P4ssw0rd!). The published lists of the commonest passwords of 8 or more characters consist of these.
"""

import re
from unicodedata import normalize

from londonpump.domain.usernames import MAX_USERNAME_LENGTH as LONGEST_NAME
from londonpump.domain.usernames import normalise_username
from londonpump.service.auth.errors import InvalidValue
from londonpump.service.auth.passwords import MAX_PASSWORD_LENGTH

PASSWORD_MIN = 8
"""A lower setting admits the original's clients, whose passwords are not compared with the common ones."""
MAX_DIGITS = 11
MIN_OWN_NAME_LENGTH = 3
# usual replacements of letters: "P4$$w0rd" is "password"
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
    """
    password passwort passwd pass passcode passphrase motdepasse secret letmein welcome access login
    logon signin admin administrator root user username guest test testing tester demo default changeme
    change sample example master system service server manager operator analyst control dispatch
    dispatcher brigade fire fireman firefighter engine pump station emergency rescue london england
    britain londonpump lfb iloveyou loveyou lovely love sunshine princess prince monkey dragon shadow
    superman batman spiderman ironman starwars pokemon naruto minecraft fortnite football soccer baseball
    basketball hockey cricket rugby tennis golf arsenal chelsea tottenham spurs liverpool everton
    manchester united westham fulham millwall charlton crystalpalace rangers celtic barcelona juventus
    realmadrid michael jennifer jessica jordan joshua daniel charlie thomas robert andrew matthew anthony
    ashley nicole michelle samantha elizabeth victoria alexander christopher william george harry hannah
    amanda melissa patrick benjamin computer internet google facebook samsung microsoft windows apple
    android flower butterfly chocolate cookie banana orange cherry pepper ginger tigger buster bailey
    maggie killer hunter ranger soldier trustno whatever blahblah nothing freedom forever summer winter
    spring autumn january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday mustang corvette ferrari porsche mercedes
    yamaha harley hello goodbye abc qwerty qwertz azerty asdf zxcv qaz wsx aaa xxx
    """.split()  # noqa: SIM905 - one word per line would take 200 lines
)


def validate_username(username: str) -> str:
    """Return the name as it is stored. Raises: InvalidValue (422)."""
    name = normalise_username(username)
    if name is None:
        problem = f"a name has 1 to {LONGEST_NAME} visible characters, without blanks at its ends"
        raise InvalidValue("username", problem)
    return name


def check_password(password: str, username: str, password_min: int, field: str = "password") -> None:
    """Check the length of a password and that it is not a common one. Raises: InvalidValue (422)."""
    if len(password) < password_min:
        raise InvalidValue(
            field,
            f"has fewer than {password_min} characters. Choose a longer one",
            (f"ensure this value has at least {password_min} characters", "value_error.any_str.min_length"),
        )
    if len(password) > MAX_PASSWORD_LENGTH:
        raise InvalidValue(field, f"has more than {MAX_PASSWORD_LENGTH} characters. Choose a shorter one")
    if password_min >= PASSWORD_MIN and is_common(password, username):
        raise InvalidValue(field, "is too easy to guess. Choose three words that do not belong together")


def is_common(password: str, username: str) -> bool:
    """Return whether a password is one that attackers try first."""
    # full-width letters and capitals do not make a common password safe
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
    """Return a password without the digits and signs around it: as typed, and with letters in place of digits."""
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    spelt = re.sub(r"[\W\d_]+$", "", plain).translate(_LETTERS_FOR)
    return {_letters(bare), _letters(bare.translate(_LETTERS_FOR)), _letters(spelt)}


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", normalize("NFKC", text).casefold())


def _is_made_of(core: str, known: frozenset[str]) -> bool:
    """Return whether a text is one known word or two."""
    if core in known:
        return True
    return any(core[:cut] in known and core[cut:] in known for cut in range(3, len(core) - 2))


def _is_repeated(plain: str) -> bool:
    # a text occurs inside its own doubling, apart from both ends, exactly if it repeats a shorter part
    return plain in (plain + plain)[1:-1]


def _is_runs(plain: str) -> bool:
    """Return whether a password consists only of runs of three or more characters (abc123, qwerasdf)."""
    at = 0
    while at < len(plain):
        step = max((_run_at(plain[at:], run) for row in _RUNS for run in (row, row[::-1])), default=0)
        if step < _SHORTEST_RUN:
            return False
        at += step
    return True


def _run_at(text: str, run: str) -> int:
    """Return how many characters of a run the text begins with."""
    start = run.find(text[0])
    length = 0
    while start + length < len(run) and length < len(text) and run[start + length] == text[length]:
        length += 1
    return length if start >= 0 else 0
