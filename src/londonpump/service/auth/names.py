"""User names: how they are spelt. When two are the same: `brigade.user_names`."""

from unicodedata import normalize

LONGEST = 64


def tidied(username: str) -> str | None:
    """A name as it is stored (NFKC); None if it cannot be one: 1 to 64 printable characters, no blank at an end."""
    name = normalize("NFKC", username)
    is_fit = 1 <= len(name) <= LONGEST and name.isprintable() and name == name.strip()
    return name if is_fit else None
