"""Tokens: signed ones for access (JWT, HS256, 10 minutes unless set otherwise), opaque ones that refresh a session."""

import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import jwt

from londonpump.domain.errors import BadFile
from londonpump.service.auth.errors import NoValidToken, TokenTooOld
from londonpump.settings import Settings

ALGORITHM = "HS256"
ACCESS_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(hours=12)
KNOWN_TOKENS = 1024
REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
REQUIRED = ("exp", "iat", "sub", "sid", "jti")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and the end of its life, in whole seconds."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. It says nothing of the role: that is looked up, so that a change takes effect at once."""

    user_id: str
    session_id: str


class Tokens:
    """Signs and reads access tokens with the secret of the service."""

    def __init__(self, secret: bytes, life: timedelta = ACCESS_LIFE) -> None:
        self._secret = secret
        self._life = life
        # a token comes with every request of ten minutes: its signature need not be worked out each time
        self._claims_in = lru_cache(KNOWN_TOKENS)(self._checked)

    def make(self, claims: Claims, now: datetime, session_ends_at: datetime) -> AccessToken:
        """A token of the usual lifetime, or of what is left of the session."""
        expires_at = min(now + self._life, session_ends_at).replace(microsecond=0)
        payload = {
            "sub": claims.user_id,
            "sid": claims.session_id,
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": secrets.token_urlsafe(12),
        }
        return AccessToken(jwt.encode(payload, self._secret, ALGORITHM), expires_at.astimezone(UTC))

    def read(self, text: str, now: datetime) -> Claims:
        """What a token says. Raises: NoValidToken (401) unless it is ours and whole, TokenTooOld (403)."""
        claims, expires_s = self._claims_in(text)
        if expires_s <= now.timestamp():
            raise TokenTooOld
        return claims

    def _checked(self, text: str) -> tuple[Claims, int]:
        try:
            payload = jwt.decode(
                text,
                self._secret,
                algorithms=[ALGORITHM],
                # the time is checked below, by the clock of the service
                options={
                    "require": list(REQUIRED),
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError:
            raise NoValidToken("The token is not valid") from None
        user_id, session_id, expires_s = payload["sub"], payload["sid"], payload["exp"]
        if not (isinstance(user_id, str) and isinstance(session_id, str) and isinstance(expires_s, int)):
            raise NoValidToken("The token is not valid")
        return Claims(user_id, session_id), expires_s


def new_refresh_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def can_be_refresh_token(text: str) -> bool:
    """Whether it has the form of ours: what has not needs no look at the database."""
    return REFRESH_TOKEN.fullmatch(text) is not None


def token_digest(refresh_token: str) -> str:
    """What is kept of a refresh token. It is random, so a plain hash is enough."""
    return sha256(refresh_token.encode("utf-8", "surrogatepass")).hexdigest()


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
