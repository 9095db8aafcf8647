"""A check for an embedded database that does not import the database libraries."""

import re
from pathlib import Path
from urllib.parse import unquote

EMBEDDED = re.compile(r"sqlite(\+pysqlite)?:///")


def database_exists(url: str) -> bool:
    """Return whether a database can be read: the path of an embedded one exists, or another one is configured.

    A path that is not a database (a folder) counts too: opening it reports what is wrong.
    """
    embedded = EMBEDDED.match(url)
    if not embedded:
        return True
    return Path(unquote(url[embedded.end() :].partition("?")[0])).exists()
