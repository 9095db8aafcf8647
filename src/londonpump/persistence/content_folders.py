"""Imported tables on disk: folders named by the hash of their content, and a pointer to the one imported last.

OUT/<name>/ holds a card, whose hash is the name, and the files, whose hashes are in the card. `provenance.json` (version of
the product, time) is not part of the hash: the same input gives the same name.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from londonpump.domain.errors import BadFile
from londonpump.persistence.atomic_files import as_json, atomic_folder, new_folder, read_json, write_json

CURRENT, PROVENANCE = "current.json", "provenance.json"
NAME_LENGTH = 16
T = TypeVar("T")
_NAME = re.compile(rf"[0-9a-f]{{{NAME_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class ContentFolders(Generic[T]):
    """Folders of one kind: their content, and the function that opens one."""

    noun: str
    """Word for the content, and key of the pointer: `roads`."""
    card: str
    format: int
    advice: str
    opener: Callable[[Path], T]
    """Open a folder and verify it. Raises: BadFile."""

    def save(
        self, out: Path, card: Mapping[str, Any], write: Callable[[Path], None], provenance: Mapping[str, Any]
    ) -> Path:
        """Store content under OUT, point to it, and return its folder.

        An undamaged folder of that name stays: a process may be reading it. Raises: BadFile if it cannot be stored there.

        Args: card: with the hashes of the files that `write` writes into a folder.
        """
        text = as_json(dict(card))
        folder = out / hashlib.sha256(text.encode()).hexdigest()[:NAME_LENGTH]
        # checked first: a folder that another process stores from now on is complete and must stay
        is_there = (folder / self.card).exists()
        if not self._is_intact(folder):
            try:
                with atomic_folder(folder, self.card) if is_there else new_folder(folder) as part:
                    write(part)
                    (part / self.card).write_text(text, encoding="utf-8")
                    write_json(part / PROVENANCE, dict(provenance))
                self.opener(folder)
            except OSError as error:
                raise self.not_written(folder, error) from error
        try:
            # last, so that the pointer never names a folder that is not complete
            write_json(out / CURRENT, {"schema": 1, self.noun: folder.name})
        except OSError as error:
            raise self.not_written(out / CURRENT, error) from error
        return folder

    def not_written(self, path: Path, error: OSError) -> BadFile:
        """Return the error of a disk that is full or read only."""
        # NumPy raises errors without a code when a disk is full
        problem = f"cannot be written ({error.strerror or error})"
        advice = f"The {self.noun} in use stay: make room, or name another home in LONDONPUMP_HOME."
        return BadFile(path, problem, advice)

    def _is_intact(self, folder: Path) -> bool:
        try:
            self.opener(folder)
        except BadFile:
            return False
        return True

    def current_name(self, out: Path) -> str | None:
        """Return the name of what was imported last; None if there is none. Raises: BadFile."""
        pointer = out / CURRENT
        if not pointer.exists():
            return None
        value = read_json(pointer)
        name = value.get(self.noun) if isinstance(value, dict) else None
        if not isinstance(name, str):
            raise BadFile(pointer, f"does not name a table of {self.noun}", self.advice)
        return name

    def named(self, out: Path, name: str) -> T:
        """Open a folder by its name. Raises: BadFile if it is missing or damaged."""
        if not _NAME.fullmatch(name):
            problem = f"cannot be used: {name[:80]!r} is not the name of a table of {self.noun}"
            raise BadFile(out, problem, self.advice)
        return self.opener(out / name)

    def read_card(self, folder: Path) -> tuple[str, dict[str, Any]]:
        """Return name and card of a folder. Raises: BadFile."""
        path = folder / self.card
        try:
            text = path.read_bytes()
            card = json.loads(text)
        except (OSError, ValueError) as error:
            problem = f"is not a table of {self.noun} (no readable {self.card})"
            raise BadFile(folder, problem, self.advice) from error
        if not isinstance(card, dict) or card.get("format") != self.format:
            raise BadFile(path, f"is a table of {self.noun} of another version", self.advice)
        # the card holds the hashes of all files, so its own hash stands for the whole table
        name = hashlib.sha256(text).hexdigest()[:NAME_LENGTH]
        # resolved, because the path may be `.` or a link
        if name != folder.resolve().name:
            raise BadFile(path, f"is not what was stored: its content is {name}", self.advice)
        return name, card


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
