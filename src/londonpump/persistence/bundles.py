"""Bundles on disk: folders named by their content hash, and a pointer to the newest.

OUT/<hash>/ holds the files of one bundle; OUT/current.json names the bundle of the last training. A bundle is
addressed by its own folder or by OUT. `provenance.json` (clock, host, commit, metrics) is not part of the hash, so
that the same data, code and seed give the same name.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from londonpump.domain.errors import BadFile
from londonpump.domain.json_values import JsonObject
from londonpump.persistence.atomic_files import atomic_folder, is_part, new_folder, read_json, write_json

CURRENT = "current.json"
CARD = "bundle.json"
PROVENANCE = "provenance.json"
NAME_LENGTH = 16
NAME_PATTERN = re.compile(rf"[0-9a-f]{{{NAME_LENGTH}}}")


def content_hash(files: Mapping[str, bytes]) -> str:
    """Return the name of a bundle: the SHA-256 of its files in order of name, without the provenance."""
    digest = hashlib.sha256()
    for name in sorted(set(files) - {PROVENANCE}):
        digest.update(f"{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()[:NAME_LENGTH]


def save_bundle(files: Mapping[str, bytes], provenance: JsonObject, out: Path) -> Path:
    """Store a bundle under OUT, point to it, and return its folder."""
    folder = add_bundle(files, provenance, out)
    # last, so that the pointer never names a bundle that is not complete
    write_json(out / CURRENT, {"schema": 1, "bundle": folder.name})
    return folder


def add_bundle(files: Mapping[str, bytes], provenance: JsonObject, out: Path) -> Path:
    """Store a bundle under OUT and return its folder. The pointer is only set if there is none.

    An undamaged bundle of that name stays with its provenance: another process may be reading it, or may have made the
    same one. Raises: BadFile if it cannot be stored there.
    """
    require_bundles_folder(out)
    name = content_hash(files)
    folder = out / name
    # checked first: a bundle that another process stores from now on is complete and must stay
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
    """Reject a folder that cannot hold bundles. Raises: BadFile."""
    if (out / CARD).exists():
        raise BadFile(out, "is a bundle itself", "Name the folder that holds bundles, or a new one.")
    if out.is_dir() and not (out / CURRENT).exists() and any(_is_foreign(entry) for entry in out.iterdir()):
        raise BadFile(out, f"holds other things (no {CURRENT})", "Name a new or empty folder.")


def _is_foreign(entry: Path) -> bool:
    """Return whether an entry is neither a bundle, nor a part, nor the pointer.

    A training that was killed leaves bundles or parts without a pointer; another process may just have set it.
    """
    is_bundle = NAME_PATTERN.fullmatch(entry.name) is not None and (entry / CARD).exists()
    return not is_bundle and not is_part(entry.name) and entry.name != CURRENT


def bundle_folder(path: Path) -> Path:
    """Return the folder of a bundle, given that folder or the one that holds the pointer."""
    if (path / CARD).exists():
        return path
    if not (path / CURRENT).exists():
        raise BadFile(path, "is not a bundle", "Make one: londonpump train --data DATA --out BUNDLE.")
    pointer = read_json(path / CURRENT)
    name = pointer.get("bundle") if isinstance(pointer, dict) else None
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise BadFile(path / CURRENT, "does not name a bundle", "Train again.")
    return path / name


def folder_of(bundles: Path, name: str) -> Path:
    """Return the folder of a bundle by its hash. Raises: BadFile for any other text, so that no path is accepted."""
    if not NAME_PATTERN.fullmatch(name):
        raise BadFile(
            bundles,
            f"cannot be used: {name[:80]!r} is not the hash of a bundle",
            "Name the bundle by its hash.",
        )
    return bundles / name


def load_bundle(path: Path) -> tuple[str, dict[str, bytes]]:
    """Return (name, files) of a bundle. Raises: BadFile if it is missing or its content does not match its name."""
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
    # resolved, because the path may be `.` or a link
    if name != folder.resolve().name:
        raise BadFile(
            folder, f"is not what was stored: its content is {name}", "Train again, or copy it again whole."
        )
    return name, files


def read_provenance(path: Path) -> JsonObject:
    """Return the provenance of a bundle: when, where, from which commit and with which metrics it was trained.

    Raises: BadFile if it is there and cannot be read.
    """
    provenance_path = bundle_folder(path) / PROVENANCE
    value = read_json(provenance_path) if provenance_path.exists() else {}
    return value if isinstance(value, dict) else {}
