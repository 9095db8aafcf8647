"""Signed access tokens (JWT, HS256, 10 minutes by default), opaque refresh tokens, and the secret that signs.

The secret has no default: it is created at the first start, or LONDONPUMP_SECRET_FILE names it.
"""

import hmac
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
MIN_BYTES, MAX_BYTES = 32, 4096
MIN_DISTINCT_BYTES = 8
NAME = "secret"
CONSOLE = "console:"
"""Prefix of the hashed text of a console's token. No refresh token has this form, so neither can be used as the other."""
MAKE_ONE = "Create one: `(umask 077; openssl rand -hex 32 > FILE)`."


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Access token and its expiry, in whole seconds."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims of a token. The role is not among them: it is read per request, so that a change takes effect at once."""

    user_id: str
    session_id: str


class Tokens:
    """Signer and reader of access tokens."""

    def __init__(self, secret: bytes, life: timedelta = ACCESS_LIFE) -> None:
        self._secret = secret
        self._life = life
        # cookies ignore ports: two installations on one host must not overwrite each other's sessions
        self.cookie_name = f"__Host-londonpump-{self._mac('cookie name')[:8]}"
        # a client sends the same token for ten minutes: the cache saves verifying its signature per request
        self._claims_in = lru_cache(KNOWN_TOKENS)(self._checked)

    def make(self, claims: Claims, now: datetime, session_ends_at: datetime) -> AccessToken:
        """Return a token with the usual lifetime, or with the rest of the session if that is shorter."""
        # JWT times are whole seconds; rounded down, so that a token never outlives its session
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
        """Return the claims of a token. Raises: NoValidToken (401), TokenTooOld (403)."""
        claims, expires_s = self._claims_in(text)
        if expires_s <= now.timestamp():
            raise TokenTooOld
        return claims

    def make_cookie(self, token: str) -> str:
        """Return the value of the console's cookie: the opaque token, and the proof that we issued it."""
        return f"{token}.{self._mac(CONSOLE + token)}"

    def read_cookie(self, value: str) -> str | None:
        """Return the token of a cookie that we issued; None for any other text. The database knows whether it is open."""
        token, _, mac = value.partition(".")
        # compared as bytes: `compare_digest` rejects texts that are not ASCII
        is_ours = hmac.compare_digest(
            mac.encode("utf-8", "surrogatepass"), self._mac(CONSOLE + token).encode()
        )
        return token if is_ours and can_be_refresh_token(token) else None

    def _mac(self, text: str) -> str:
        return hmac.digest(self._secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _checked(self, text: str) -> tuple[Claims, int]:
        try:
            payload = jwt.decode(
                text,
                self._secret,
                algorithms=[ALGORITHM],
                # `read` checks the expiry with the clock of the service, and must do so for cached claims too
                options={
                    "require": list(REQUIRED),
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError:
            # `from None`: the library's messages describe the token, and nobody needs them in a log
            raise NoValidToken("The token is not valid") from None
        user_id, session_id, expires_s = payload["sub"], payload["sid"], payload["exp"]
        if not (isinstance(user_id, str) and isinstance(session_id, str) and isinstance(expires_s, int)):
            raise NoValidToken("The token is not valid")
        return Claims(user_id, session_id), expires_s


def new_refresh_token() -> str:
    """Return a token of 256 random bits."""
    return secrets.token_urlsafe(32)


def can_be_refresh_token(text: str) -> bool:
    """Return whether a text has the form of a refresh token; other texts need no database query."""
    return REFRESH_TOKEN.fullmatch(text) is not None


def token_digest(refresh_token: str) -> str:
    """Return the stored hash of a refresh token. The token is random, so a plain hash is enough."""
    return sha256(refresh_token.encode("utf-8", "surrogatepass")).hexdigest()


def load_secret(settings: Settings) -> bytes:
    """Read the secret, without blanks at its ends.

    With the embedded database it is created at the first start, as `secret` in the home (mode 0600).
    Raises: BadFile if it is missing, too short or too simple, or if its file mode lets others change it, or read it
    although this process could forbid that.
    """
    path = settings.secret_file
    if path is None:
        path = settings.home / NAME
        if not settings.is_embedded:
            raise BadFile(
                "LONDONPUMP_SECRET_FILE",
                "is not set. It is required if LONDONPUMP_DATABASE_URL is set",
                f"{MAKE_ONE} Then set it, to the same file for every replica.",
            )
        if not path.exists():
            _make(path)
    return _read(path)


def _make(path: Path) -> None:
    part = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # written completely to a temporary file (mode 0600) first: no process may read half a secret
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(MIN_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # a link fails if the file exists: of two processes that start at once the first wins, and both read its file
        with suppress(FileExistsError):
            os.link(part, path)
    except OSError as error:
        raise BadFile(path, f"cannot be created ({error.strerror})", "Make the folder writable.") from error
    finally:
        if part:
            Path(part).unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # the mode of the open file, because the path could be replaced between a check and the read
            status = os.fstat(file.fileno())
            secret = file.read(MAX_BYTES + 1).strip()
    except OSError as error:
        raise BadFile(
            path, f"the secret cannot be read ({error.strerror})", "Check LONDONPUMP_SECRET_FILE."
        ) from error
    # the owner could change the mode, unless the mount is read-only
    is_foreign = status.st_uid != os.geteuid() or bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    # Compose and Kubernetes mount secrets as files that everybody in the container may read and nobody may write.
    is_mounted = is_foreign and not os.access(
        path, os.W_OK, effective_ids=os.access in os.supports_effective_ids
    )
    mode = status.st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH) or (mode & stat.S_IRWXO and not is_mounted):
        raise BadFile(path, "its file mode lets other users use the secret", f"Run `chmod 600 {path}`.")
    if not MIN_BYTES <= len(secret) <= MAX_BYTES:
        raise BadFile(
            path,
            f"the secret has more than {MAX_BYTES} bytes"
            if len(secret) > MAX_BYTES
            else f"the secret has {len(secret)} bytes; at least {MIN_BYTES} are required",
            MAKE_ONE,
        )
    if len(set(secret)) < MIN_DISTINCT_BYTES:
        raise BadFile(path, "the secret is too simple", MAKE_ONE)
    return secret
