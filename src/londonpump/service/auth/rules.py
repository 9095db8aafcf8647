"""What an account may be called, and what its password may be."""

from londonpump.brigade.user_names import LONGEST as LONGEST_NAME
from londonpump.brigade.user_names import tidied
from londonpump.service.auth.common_passwords import is_common
from londonpump.service.auth.passwords import LONGEST
from londonpump.service.auth.refusals import UnfitValue

PASSWORD_MIN = 8
"""Below this the setting means the original's clients: their passwords are not compared with the common ones."""


def fit_name(username: str) -> str:
    """The name as it is stored. Raises: UnfitValue (422)."""
    name = tidied(username)
    if name is None:
        problem = f"a name has 1 to {LONGEST_NAME} characters that can be seen, and no blank at its ends"
        raise UnfitValue("username", problem)
    return name


def check_password(password: str, username: str, password_min: int, field: str = "password") -> None:
    """Raises: UnfitValue (422) for one that is too short, too long or among the first that are guessed."""
    if len(password) < password_min:
        raise UnfitValue(
            field,
            f"has fewer than {password_min} characters. Take a longer one",
            (f"ensure this value has at least {password_min} characters", "value_error.any_str.min_length"),
        )
    if len(password) > LONGEST:
        raise UnfitValue(field, f"has more than {LONGEST} characters. Take a shorter one")
    if password_min >= PASSWORD_MIN and is_common(password, username):
        raise UnfitValue(
            field, "is one of those that are guessed first. Take three words that do not belong together"
        )
