"""Whether there is a database to ask, found out without loading the libraries that read one."""

import re
from pathlib import Path
from urllib.parse import unquote

EMBEDDED = re.compile(r"sqlite(\+pysqlite)?:///")


def database_exists(url: str) -> bool:
    """Whether there is a database to ask: something where an embedded one would be, or any other that was set.

    What stands there and is none (a folder) counts: to open it says what is wrong.
    """
    embedded = EMBEDDED.match(url)
    if not embedded:
        return True
    return Path(unquote(url[embedded.end() :].partition("?")[0])).exists()
