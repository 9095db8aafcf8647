"""When two user names are the same."""

from unicodedata import normalize


def folded(username: str) -> str:
    """What two names that are the same have in common. Folding can undo the normal form (NFKC): hence twice."""
    return normalize("NFKC", normalize("NFKC", username).casefold())
