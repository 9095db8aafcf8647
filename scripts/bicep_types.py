"""Read the names of Azure's resource types from what Microsoft publishes; for scripts/bicep_names.py.

Two sources are read: a checkout of Azure/bicep-types-az, and installed packages azure-mgmt-* (without importing them).
A shape is written as a string: "" for a plain value, "X" for an object X or a list of it, "{X}" for a map of X, and "=" before it
if the property can only be read.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
MAP = re.compile(r"^(Optional\[)?([Dd]ict|Mapping)\[")


@dataclass
class Catalogue:
    """Types with the shape of their body, and shapes with the names of their properties."""

    types: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, dict[str, str]] = field(default_factory=dict)

    def versions(self, key: str) -> list[str]:
        """Return the known API versions of the type that `key` names."""
        kind = key.partition("@")[0]
        return sorted(known.partition("@")[2] for known in self.types if known.partition("@")[0] == kind)

    def reachable(self, used: list[str]) -> dict[str, Any]:
        """Return the used types, and the shapes that a value of theirs can hold."""
        types = {key: self.types[key] for key in used}
        waiting, shapes = list(types.values()), {}
        while waiting:
            shape = waiting.pop()
            if shape and shape not in shapes:
                shapes[shape] = self.shapes[shape]
                waiting += [kind.strip("={}") for kind in self.shapes[shape].values()]
        return {"types": types, "shapes": shapes}


def read(source: Path, used: list[str]) -> tuple[dict[str, str], Catalogue]:
    """Return where the names come from, and the names. Raises: SystemExit if the folder is neither of the two sources."""
    index = source / "generated" / "index.json"
    if index.is_file():
        return {"repository": "Azure/bicep-types-az", "revision": _revision(source)}, _from_repository(
            index, used
        )
    packages = sorted((source / "azure" / "mgmt").glob("*/_version.py"))
    if not packages:
        raise SystemExit(
            f"{source} is no checkout of Azure/bicep-types-az, and no azure-mgmt-* package is installed in it."
        )
    catalogue, versions = Catalogue(), {}
    for path in packages:
        versions[f"azure-mgmt-{path.parent.name}"] = _constant(path, "VERSION")
        _add_package(path.parent, catalogue)
    return versions, catalogue


def _revision(checkout: Path) -> str:
    head = (
        (checkout / ".git" / "HEAD").read_text(encoding="utf-8").strip()
        if (checkout / ".git").is_dir()
        else "unknown"
    )
    name = head.removeprefix("ref: ")
    return head if name == head else (checkout / ".git" / name).read_text(encoding="utf-8").strip()


# ---- Azure/bicep-types-az


def _from_repository(index: Path, used: list[str]) -> Catalogue:
    listed = json.loads(index.read_text(encoding="utf-8"))["resources"]
    catalogue = Catalogue(dict.fromkeys(listed, ""))
    for key in used:
        if key not in listed:
            continue
        file, _, number = listed[key]["$ref"].partition("#/")
        types = json.loads((index.parent / file).read_text(encoding="utf-8"))
        body = int(types[int(number)]["body"]["$ref"].removeprefix("#/"))
        folder = file.removesuffix("/types.json")
        catalogue.types[key] = _shape_of(body, types, folder, catalogue)
    return catalogue


def _shape_of(number: int, types: list[dict[str, Any]], folder: str, catalogue: Catalogue) -> str:
    kind = types[number]
    if kind["$type"] == "ArrayType":
        return _shape_of(_number(kind["itemType"]), types, folder, catalogue)
    if kind["$type"] not in ("ObjectType", "DiscriminatedObjectType"):
        return ""
    if not kind.get("properties") and "additionalProperties" in kind:
        return "{" + _shape_of(_number(kind["additionalProperties"]), types, folder, catalogue) + "}"
    name = f"{folder}#{number}"
    if name not in catalogue.shapes:
        catalogue.shapes[name] = known = {}
        elements = [types[_number(each)] for each in kind.get("elements", {}).values()]
        for part in [
            kind.get("properties", {}),
            kind.get("baseProperties", {}),
            *(e["properties"] for e in elements),
        ]:
            for prop, value in part.items():
                is_read_only = bool(value["flags"] & 2)
                known[prop] = "=" * is_read_only + _shape_of(_number(value["type"]), types, folder, catalogue)
    return name


def _number(reference: dict[str, str]) -> int:
    return int(reference["$ref"].removeprefix("#/"))


# ---- packages azure-mgmt-*


def _add_package(package: Path, catalogue: Catalogue) -> None:
    for folder in sorted(package.rglob("operations")):
        if "aio" in folder.parts:
            continue
        models = sorted(folder.parent.glob("models/_models*.py"))
        if not models:
            continue
        prefix = ".".join(folder.relative_to(package.parent).parts[:-1])
        classes = {
            node.name: node for path in models for node in _tree(path).body if isinstance(node, ast.ClassDef)
        }
        for path in sorted(folder.glob("*_operations.py")):
            for key, model in _bodies(_tree(path)):
                catalogue.types[key] = f"{prefix}.{model}"
        for name in classes:
            _add_class(name, classes, prefix, catalogue)


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _constant(path: Path, name: str) -> str:
    for node in _tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return str(ast.literal_eval(node.value))
    raise SystemExit(f"{path} has no {name}.")


def _bodies(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (type@version, model of the body) for each request that creates a resource."""
    requests = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("build_"):
            texts = [
                each.value
                for each in ast.walk(node)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            if "PUT" in texts:
                requests[node.name] = texts
    for method in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        called = {ast.unparse(node.func) for node in ast.walk(method) if isinstance(node, ast.Call)} & set(
            requests
        )
        models = re.findall(
            r"_models\.(\w+)", " ".join(ast.unparse(a.annotation) for a in method.args.args if a.annotation)
        )
        for name in called if models else ():
            url = next((text for text in requests[name] if "/providers/" in text), "")
            version = next((text for text in requests[name] if API_VERSION.fullmatch(text)), "")
            kind, *segments = url.rpartition("/providers/")[2].split("/")
            yield f"{'/'.join([kind, *segments[::2]])}@{version}", models[0]


def _add_class(name: str, classes: dict[str, ast.ClassDef], prefix: str, catalogue: Catalogue) -> None:
    known: dict[str, str] = {}
    for each in _ancestry(name, classes):
        read_only = _read_only(each)
        for node in each.body:
            if (
                isinstance(node, ast.AnnAssign)
                and isinstance(node.value, ast.Call)
                and "rest_field" in ast.unparse(node.value.func)
            ):
                options = {word.arg: word.value for word in node.value.keywords}
                written = ast.literal_eval(options["name"]) if "name" in options else ast.unparse(node.target)
                is_read_only = "visibility" in options and ast.literal_eval(options["visibility"]) == ["read"]
                known[written] = "=" * is_read_only + _shape(ast.unparse(node.annotation), classes, prefix)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_attribute_map":
                for attribute, entry in ast.literal_eval(node.value).items():
                    _add_flattened(
                        known, entry, attribute in read_only, f"{prefix}.{name}", classes, prefix, catalogue
                    )
    catalogue.shapes[f"{prefix}.{name}"] = known


def _ancestry(name: str, classes: dict[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    for base in classes[name].bases:
        text = ast.unparse(base).rpartition(".")[2]
        if text in classes:
            yield from _ancestry(text, classes)
    yield classes[name]


def _read_only(node: ast.ClassDef) -> set[str]:
    for each in node.body:
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "_validation":
            return {name for name, rule in ast.literal_eval(each.value).items() if rule.get("readonly")}
    return set()


def _add_flattened(
    known: dict[str, str],
    entry: dict[str, str],
    is_read_only: bool,
    owner: str,
    classes: dict[str, ast.ClassDef],
    prefix: str,
    catalogue: Catalogue,
) -> None:
    """Add a property of the older packages, whose key may be a path such as `properties.tenantId`."""
    *path, last = entry["key"].split(".")
    for step in path:
        owner = f"{owner}.{step}"
        known[step] = owner
        known = catalogue.shapes.setdefault(owner, {})
    known[last] = "=" * is_read_only + _shape(entry["type"], classes, prefix)


def _shape(written: str, classes: dict[str, ast.ClassDef], prefix: str) -> str:
    """Return the shape that an annotation or a type of the older packages means."""
    models = [name for name in re.findall(r"\w+", written) if name in classes]
    shape = f"{prefix}.{models[0]}" if models else ""
    return "{" + shape + "}" if written.startswith("{") or MAP.match(written) else shape
