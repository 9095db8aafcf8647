"""The secret that signs access tokens. There is no default: it is made once, or named by LONDONPUMP_SECRET_FILE."""

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from londonpump.domain.errors import BadFile
from londonpump.settings import Settings

MIN_BYTES, MAX_BYTES = 32, 4096
MIN_DISTINCT_BYTES = 8
NAME = "secret"
MAKE_ONE = "Make one: `(umask 077; openssl rand -hex 32 > FILE)`."


def load_secret(settings: Settings) -> bytes:
    """The secret, without blanks at its ends.

    With the embedded database it is made at the first start, `secret` in the home (mode 0600).
    Raises: BadFile if it is not there, too short, too simple, or may be read by everybody or written by others.
    """
    path = settings.secret_file
    if path is None:
        path = settings.home / NAME
        if not settings.is_embedded:
            raise BadFile(
                "LONDONPUMP_SECRET_FILE",
                "is not set, and there is no default secret beside a database of its own",
                f"{MAKE_ONE} Then name it, the same file for every replica.",
            )
        if not path.exists():
            _make(path)
    return _read(path)


def _make(path: Path) -> None:
    part = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(MIN_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # of two that start at once the first wins, and both read that one
        with suppress(FileExistsError):
            os.link(part, path)
    except OSError as error:
        raise BadFile(path, f"cannot be made ({error.strerror})", "Mend the folder.") from error
    finally:
        if part:
            Path(part).unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(MAX_BYTES + 1).strip()
    except OSError as error:
        raise BadFile(
            path, f"the secret cannot be read ({error.strerror})", "Check LONDONPUMP_SECRET_FILE."
        ) from error
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise BadFile(path, "others than its owner may use this secret", f"Run `chmod 600 {path}`.")
    if not MIN_BYTES <= len(secret) <= MAX_BYTES:
        raise BadFile(
            path,
            f"a secret has {MIN_BYTES} to {MAX_BYTES} bytes, this has {len(secret)} or more"
            if len(secret) > MAX_BYTES
            else f"a secret has {MIN_BYTES} bytes or more, this has {len(secret)}",
            MAKE_ONE,
        )
    if len(set(secret)) < MIN_DISTINCT_BYTES:
        raise BadFile(path, "the secret is too simple", MAKE_ONE)
    return secret
