"""Bundles on disk: a folder named by its content hash, and a pointer to the newest.

OUT/<hash>/ holds the files of one bundle; OUT/current.json names the hash that the last training wrote. A
bundle is found by its own folder or by OUT. `provenance.json` (clock, host, commit, metrics) stands outside
the hash: the same data, code and seed give the same name.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile
from londonpump.storage.atomic_files import atomic_folder, is_part, new_folder, read_json, write_json

CURRENT = "current.json"
CARD = "bundle.json"
PROVENANCE = "provenance.json"
NAME_LENGTH = 16
NAME_PATTERN = re.compile(rf"[0-9a-f]{{{NAME_LENGTH}}}")


def content_hash(files: Mapping[str, bytes]) -> str:
    """The name of a bundle: SHA-256 over its files by name, without the provenance."""
    digest = hashlib.sha256()
    for name in sorted(set(files) - {PROVENANCE}):
        digest.update(f"{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()[:NAME_LENGTH]


def save_bundle(files: Mapping[str, bytes], provenance: Mapping[str, Any], out: Path) -> Path:
    """Store a bundle under OUT and point to it. Returns: its folder."""
    folder = add_bundle(files, provenance, out)
    write_json(out / CURRENT, {"schema": 1, "bundle": folder.name})
    return folder


def add_bundle(files: Mapping[str, bytes], provenance: Mapping[str, Any], out: Path) -> Path:
    """Store a bundle under OUT, and point to it only if nothing else is pointed to. Returns: its folder.

    One that stands there undamaged stays, with the provenance it has: it may be read at this moment, or written by
    another process that made the same. Raises: BadFile if it cannot be kept there.
    """
    require_bundles_folder(out)
    name = content_hash(files)
    folder = out / name
    # asked first: what another process puts there from now on is whole, and stays
    is_there = (folder / CARD).exists()
    if not _is_intact(folder):
        with atomic_folder(folder, CARD) if is_there else new_folder(folder) as part:
            for file, content in files.items():
                (part / file).write_bytes(content)
            write_json(part / PROVENANCE, dict(provenance))
        load_bundle(folder)
    if not (out / CURRENT).exists():
        write_json(out / CURRENT, {"schema": 1, "bundle": name})
    return folder


def _is_intact(folder: Path) -> bool:
    try:
        load_bundle(folder)
    except BadFile:
        return False
    return True


def require_bundles_folder(out: Path) -> None:
    """Raises: BadFile if bundles cannot be kept in OUT."""
    if (out / CARD).exists():
        raise BadFile(out, "is a bundle itself", "Name the folder that holds bundles, or a new one.")
    if out.is_dir() and not (out / CURRENT).exists() and any(_is_foreign(entry) for entry in out.iterdir()):
        raise BadFile(out, f"holds other things (no {CURRENT})", "Name a new or empty folder.")


def _is_foreign(entry: Path) -> bool:
    """Neither a bundle nor a part: a training that was killed leaves these before there is a pointer, and another may
    have pointed to its own just now."""
    is_bundle = NAME_PATTERN.fullmatch(entry.name) is not None and (entry / CARD).exists()
    return not is_bundle and not is_part(entry.name) and entry.name != CURRENT


def bundle_folder(path: Path) -> Path:
    """The folder of a bundle, given it or the folder that holds it."""
    if (path / CARD).exists():
        return path
    if not (path / CURRENT).exists():
        raise BadFile(path, "is no bundle", "Make one: londonpump train --data DATA --out BUNDLE.")
    pointer = read_json(path / CURRENT)
    name = pointer.get("bundle") if isinstance(pointer, dict) else None
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise BadFile(path / CURRENT, "names no bundle", "Train again.")
    return path / name


def folder_of(bundles: Path, name: str) -> Path:
    """Where a bundle stands that the ledger names. Raises: BadFile for anything but a hash: no path gets out."""
    if not NAME_PATTERN.fullmatch(name):
        raise BadFile(
            Path(name[:80]), "cannot be used: that is not the hash of a bundle", "Name it by its hash."
        )
    return bundles / name


def load_bundle(path: Path) -> tuple[str, dict[str, bytes]]:
    """(name, files) of a bundle. Raises: BadFile if it is not there or is not what its name says."""
    folder = bundle_folder(path)
    try:
        files = {
            file.name: file.read_bytes()
            for file in sorted(folder.iterdir())
            if file.is_file() and file.name != PROVENANCE and not file.name.startswith(".")
        }
    except OSError as error:
        raise BadFile(folder, "cannot be read", "Check the path.") from error
    name = content_hash(files)
    # resolved: a bundle may be named by `.` from inside it, or by a link
    if name != folder.resolve().name:
        raise BadFile(
            folder, f"is not what was stored: its content is {name}", "Train again, or copy it again whole."
        )
    return name, files


def read_provenance(path: Path) -> dict[str, Any]:
    """What stands beside a bundle: when, where, from which commit, with which metrics."""
    provenance_path = bundle_folder(path) / PROVENANCE
    value = read_json(provenance_path) if provenance_path.exists() else {}
    return value if isinstance(value, dict) else {}
