"""Hold the Bicep files in `deploy/azure` to the names that Azure knows: resource types, API versions and properties.

python scripts/bicep_names.py              # check; exit code 1 if a file uses a name that is not on the list
python scripts/bicep_names.py write FOLDER # write the list anew, names of the used types only

FOLDER is a checkout of Azure/bicep-types-az, or a folder into which the packages azure-mgmt-* were installed
(`uv pip install --no-deps --target FOLDER -r requirements/azure-names.txt`): Microsoft writes both from the same specifications.
A value that a module receives as a parameter is not followed.
"""

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import bicep_types
from lark.exceptions import LarkError
from pycep import BicepParser

AZURE = Path(__file__).resolve().parents[1] / "deploy" / "azure"
LIST = AZURE / "names.json"
OF_BICEP = {"name", "parent", "scope", "dependsOn", "depends_on"}
"""Properties of every resource that the language itself defines."""
USED = re.compile(r"^resource \w+ '([\w.]+/[\w/]+@[\w-]+)'", re.MULTILINE)
READ = re.compile(r"\b(\w+)(?:\[[^\]]*\])?((?:\.\w+)+)\b(?!\()")


class Names:
    """The listed types: a name per property, with the shape of its value."""

    def __init__(self, stored: dict[str, Any]) -> None:
        self.types: dict[str, str] = stored["types"]
        self.shapes: dict[str, dict[str, str]] = stored["shapes"]

    def faults(self, value: Any, shape: str, where: str, variables: dict[str, Any]) -> Iterator[str]:
        """Yield what is wrong with a value that must have a shape. An empty shape is a plain value."""
        if not shape:
            return
        if isinstance(value, str) and value in variables:
            value = variables[value]["value"]
        if (several := _alternatives(value)) is not None:
            for each in several:
                yield from self.faults(each, shape, where, variables)
        elif isinstance(value, dict) and shape.startswith("{"):
            for name, each in value.items():
                yield from self.faults(each, shape[1:-1], f"{where}.{name}", variables)
        elif isinstance(value, dict):
            yield from self._faults_of_object(value, shape, where, variables)

    def _faults_of_object(
        self, value: dict[str, Any], shape: str, where: str, variables: dict[str, Any]
    ) -> Iterator[str]:
        known = self.shapes[shape]
        for name, each in value.items():
            kind = known.get(name)
            if kind is None:
                yield f"{where}: there is no property {name!r}. Known: {', '.join(sorted(known))}"
            elif kind.startswith("="):
                yield f"{where}: {name!r} can only be read"
            else:
                yield from self.faults(each, kind, f"{where}.{name}", variables)

    def knows(self, shape: str, path: list[str]) -> bool:
        """Return whether a path of properties can be read; what is below a map or a plain value is not known."""
        for name in path:
            if not shape or shape.startswith("{"):
                return True
            if name in OF_BICEP | {"id", "type"}:
                return True
            if name not in self.shapes[shape]:
                return False
            shape = self.shapes[shape][name].removeprefix("=")
        return True


@cache
def _parser() -> BicepParser:
    return BicepParser()  # half of the time of a check


def faults_of(text: str, names: Names) -> list[str]:
    """Return what is wrong with the names in one Bicep file."""
    try:
        parsed = cast("dict[str, Any]", _parser().parse(text=text))
    except LarkError as error:
        return [f"cannot be parsed: {str(error).splitlines()[0]}"]
    faults, variables = [], parsed.get("variables", {})
    shapes = {}
    for symbol, resource in parsed.get("resources", {}).items():
        key = f"{resource['type']}@{resource['api_version']}"
        if key not in names.types:
            faults.append(f"resource {symbol}: {key} is not a listed type; {_help(key, names)}")
            continue
        shapes[symbol] = shape = names.types[key]
        config = _unwrapped(resource["config"])
        own = {name: value for name, value in config.items() if name not in OF_BICEP}
        faults += names.faults(own, shape, f"resource {symbol}", variables)
    for symbol, path in READ.findall(text):
        if symbol in shapes and not names.knows(shapes[symbol], path.split(".")[1:]):
            faults.append(f"resource {symbol} has no property {path[1:]}")
    return faults


def _alternatives(value: Any) -> list[Any] | None:
    """Return the values of a list, a loop or an expression, which all have the shape of the whole; None for another value."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    if "loop_type" in value:
        return [value["config"]]
    inner = next(iter(value.values()), None) if len(value) == 1 else None
    if not isinstance(inner, dict) or inner.keys() not in ({"type", "parameters"}, {"type", "operands"}):
        return None
    return list((inner.get("parameters") or inner.get("operands") or {}).values())


def _unwrapped(config: dict[str, Any]) -> dict[str, Any]:
    """Return the object of a resource without the loop or the condition around it."""
    while "config" in config:
        config = config["config"]
    return config


def _help(key: str, names: Names) -> str:
    kind = key.partition("@")[0]
    versions = [known.partition("@")[2] for known in names.types if known.partition("@")[0] == kind]
    if versions:
        return f"listed is version {', '.join(versions)}"
    return "correct it, or write the list anew (see the head of scripts/bicep_names.py)"


def write(source: Path) -> None:
    """Write the list of the types that the Bicep files use. Raises: SystemExit if the source lacks one."""
    used = sorted(
        {found for file in sorted(AZURE.rglob("*.bicep")) for found in USED.findall(file.read_text("utf-8"))}
    )
    origin, catalogue = bicep_types.read(source, used)
    missing = [key for key in used if key not in catalogue.types]
    if missing:
        known = "\n".join(
            f"  {key}: {', '.join(catalogue.versions(key)) or 'no such type'}" for key in missing
        )
        raise SystemExit(f"{source} lacks these types; nothing was written. Versions that it has:\n{known}")
    stored = {"source": origin, **catalogue.reachable(used)}
    part = LIST.with_suffix(".part")
    part.write_text(json.dumps(stored, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(LIST)


def main(arguments: list[str]) -> int:
    """Check the files, or write the list. Returns: 1 if a file is at fault, else 0."""
    if arguments[:1] == ["write"] and len(arguments) == 2:
        write(Path(arguments[1]))
    elif arguments:
        raise SystemExit(__doc__)
    names = Names(json.loads(LIST.read_text(encoding="utf-8")))
    files = sorted(AZURE.rglob("*.bicep"))
    faults = [
        f"{file.relative_to(AZURE.parents[1])}: {fault}"
        for file in files
        for fault in faults_of(file.read_text(encoding="utf-8"), names)
    ]
    print("\n".join(faults) or f"{len(files)} Bicep files use listed names only")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
