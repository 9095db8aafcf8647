"""The crontab that docs/how-to/run-on-a-schedule.md shows."""

import re
from dataclasses import dataclass

from support.documented_commands import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "run-on-a-schedule.md"
SETTING = re.compile(r"([A-Z_]+)=(.*)")
LINE = re.compile(r"((?:\S+\s+){4}\S+)\s+(.*)")


@dataclass(frozen=True)
class Line:
    """cron: its five fields. command: what the shell gets."""

    cron: str
    command: str

    @property
    def arguments(self) -> list[str]:
        """What it does, a command each, without the program's name."""
        return [one.removeprefix("londonpump ") for one in self.command.split(" && ")]


def settings() -> dict[str, str]:
    """The variables at its head."""
    return dict(found.groups() for text in _text() if (found := SETTING.fullmatch(text)))


def lines() -> list[Line]:
    """Its lines, in order."""
    return [
        Line(" ".join(found[1].split()), found[2])
        for text in _text()
        if not SETTING.fullmatch(text) and (found := LINE.fullmatch(text))
    ]


def _text() -> list[str]:
    (documented,) = blocks(PAGE, "crontab")
    return documented.splitlines()
