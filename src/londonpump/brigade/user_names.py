"""What a user name may be, and when two of them are the same."""

from unicodedata import normalize

LONGEST = 64


def tidied(username: str) -> str | None:
    """A name as it is stored (NFKC); None if it cannot be one: 1 to 64 printable characters, no blank at an end."""
    name = normalize("NFKC", username)
    is_fit = 1 <= len(name) <= LONGEST and name.isprintable() and name == name.strip()
    return name if is_fit else None


def folded(username: str) -> str:
    """What two names that are the same have in common. Folding can undo the normal form (NFKC): hence twice."""
    return normalize("NFKC", normalize("NFKC", username).casefold())
