"""The crontab that docs/how-to/run-on-a-schedule.md shows."""

import re
from dataclasses import dataclass

from support.documented_commands import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "run-on-a-schedule.md"
SETTING = re.compile(r"([A-Z_]+)=(.*)")
LINE = re.compile(r"((?:\S+\s+){4}\S+)\s+(.*)")


@dataclass(frozen=True)
class Line:
    """Line of the crontab: its five time fields, and the command for the shell."""

    cron: str
    command: str

    @property
    def arguments(self) -> list[str]:
        """Return the commands of the line, without the name of the program."""
        return [one.removeprefix("londonpump ") for one in self.command.split(" && ")]


def settings() -> dict[str, str]:
    """Return the variables at the head of the crontab."""
    return {found[1]: found[2] for text in _text() if (found := SETTING.fullmatch(text))}


def lines() -> list[Line]:
    """Return the lines of the crontab, in order."""
    return [
        Line(" ".join(found[1].split()), found[2])
        for text in _text()
        if not SETTING.fullmatch(text) and (found := LINE.fullmatch(text))
    ]


def _text() -> list[str]:
    (documented,) = blocks(PAGE, "crontab")
    return documented.splitlines()
