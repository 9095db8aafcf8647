"""The service with a clock that a test sets, and with longer texts: staged_service.py plain|longer --port N."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

CLOCK_FILE = "clock-offset"
"""File of the home with the seconds by which the clock is away from that of the machine; read each time."""
ACCENTED = str.maketrans("aceinosuyACEINOSUY", "áçéíñôšüýÁÇÉÍÑÔŠÜÝ")
LONGER_BY = 0.4


def pseudo(text: str) -> str:
    """Return a text of a language that nobody speaks: 40 % longer, an accented letter in each word, placeholders kept."""
    parts = re.split(r"(\{\w+\})", text)
    # the odd parts are placeholders
    return "".join(part if i % 2 else re.sub("[A-Za-z]+", _longer, part) for i, part in enumerate(parts))


def _longer(word: re.Match[str]) -> str:
    return word[0].translate(ACCENTED) + "é" * ceil(len(word[0]) * LONGER_BY)


def clock_of(home: Path) -> Callable[[], datetime]:
    """Return the clock of the machine, moved by what the file in the home says."""
    file = home / CLOCK_FILE

    def now() -> datetime:
        offset_s = float(file.read_text()) if file.exists() else 0.0
        return datetime.now(UTC) + timedelta(seconds=offset_s)

    return now


def main(language: str, port: int) -> None:
    """Serve until killed."""
    from londonpump.service.console import texts

    if language == "longer":
        texts.ENGLISH = {key: pseudo(value) for key, value in texts.ENGLISH.items()}
    from londonpump.assembly import create_app
    from londonpump.service.app import serve
    from londonpump.service.state import ServiceOptions
    from londonpump.settings import read_settings

    settings = read_settings()
    app = create_app(settings, options=ServiceOptions(clock=clock_of(settings.home)))
    serve(
        app,
        settings,
        "127.0.0.1",
        port,
        lambda address: print(f"Serving on {address}", flush=True),
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[-1]))
