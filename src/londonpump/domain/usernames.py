"""The rules for user names, and when two of them are the same."""

from unicodedata import normalize

MAX_USERNAME_LENGTH = 64


def normalise_username(username: str) -> str | None:
    """Return a name in its stored form (NFKC); None unless it has 1 to 64 printable characters and no blank at an end."""
    name = normalize("NFKC", username)
    is_valid_username = 1 <= len(name) <= MAX_USERNAME_LENGTH and name.isprintable() and name == name.strip()
    return name if is_valid_username else None


def username_key(username: str) -> str:
    """Return a key that is equal for equal names. Case folding can undo the normal form (NFKC), so it is applied twice."""
    return normalize("NFKC", normalize("NFKC", username).casefold())
