"""Refuse a wheel without the files of the console: the folder is git-ignored, and a wheel without it would be built silently."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = "src/londonpump/service/console/static/vendor"


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch names it
        # an editable install finds the files in the tree, as soon as they are made
        if version != "editable" and not (Path(self.root) / VENDOR / "ol.js").is_file():
            raise FileNotFoundError(f"{VENDOR}/ol.js is missing. Run `scripts/vendor .venv` first.")
