"""Folders that are expensive to fill, filled once per run, whatever the number of xdist workers."""

import fcntl
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SharedFolders:
    """Folders of this test run that its workers share."""

    root: Path

    def filled(self, name: str, fill: Callable[[Path], object]) -> Path:
        """Return a folder that one worker has filled; from then on it is only read."""
        self.root.mkdir(exist_ok=True)
        folder, done = self.root / name, self.root / f"{name}.done"
        with (self.root / f"{name}.lock").open("w") as lock:
            # The other workers wait here while one of them fills the folder.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                # What a worker left that failed is no result.
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder
