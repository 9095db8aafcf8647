"""What an account may be called, and what its password may be."""

from londonpump.domain.usernames import MAX_USERNAME_LENGTH as LONGEST_NAME
from londonpump.domain.usernames import normalise_username
from londonpump.service.auth.common_passwords import is_common
from londonpump.service.auth.errors import InvalidValue
from londonpump.service.auth.passwords import MAX_PASSWORD_LENGTH

PASSWORD_MIN = 8
"""Below this the setting means the original's clients: their passwords are not compared with the common ones."""


def validate_username(username: str) -> str:
    """The name as it is stored. Raises: UnfitValue (422)."""
    name = normalise_username(username)
    if name is None:
        problem = f"a name has 1 to {LONGEST_NAME} characters that can be seen, and no blank at its ends"
        raise InvalidValue("username", problem)
    return name


def check_password(password: str, username: str, password_min: int, field: str = "password") -> None:
    """Raises: UnfitValue (422) for one that is too short, too long or among the first that are guessed."""
    if len(password) < password_min:
        raise InvalidValue(
            field,
            f"has fewer than {password_min} characters. Take a longer one",
            (f"ensure this value has at least {password_min} characters", "value_error.any_str.min_length"),
        )
    if len(password) > MAX_PASSWORD_LENGTH:
        raise InvalidValue(field, f"has more than {MAX_PASSWORD_LENGTH} characters. Take a shorter one")
    if password_min >= PASSWORD_MIN and is_common(password, username):
        raise InvalidValue(
            field, "is one of those that are guessed first. Take three words that do not belong together"
        )
