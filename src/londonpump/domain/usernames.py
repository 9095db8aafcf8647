"""What a user name may be, and when two of them are the same."""

from unicodedata import normalize

MAX_USERNAME_LENGTH = 64


def normalise_username(username: str) -> str | None:
    """A name as it is stored (NFKC); None if it cannot be one: 1 to 64 printable characters, no blank at an end."""
    name = normalize("NFKC", username)
    is_valid_username = 1 <= len(name) <= MAX_USERNAME_LENGTH and name.isprintable() and name == name.strip()
    return name if is_valid_username else None


def username_key(username: str) -> str:
    """What two names that are the same have in common. Folding can undo the normal form (NFKC): hence twice."""
    return normalize("NFKC", normalize("NFKC", username).casefold())
