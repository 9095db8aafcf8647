"""Request and response models of sign-in and accounts. The original's fields keep their names for its clients."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from londonpump.domain.usernames import MAX_USERNAME_LENGTH as LONGEST_NAME
from londonpump.service.field_formats import ApiModel, Strict
from londonpump.service.rights import Role

MAX_FIELD_LENGTH = 1024
"""Limits the cost of normalising a name or a password."""

Username = Annotated[str, Field(max_length=MAX_FIELD_LENGTH, examples=["amelia"])]
Password = Annotated[str, Field(max_length=MAX_FIELD_LENGTH, json_schema_extra={"format": "password"})]


class OriginalModel(ApiModel):
    """Base of the original's requests: numbers are accepted as texts, and unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class Registration(OriginalModel):
    """A new account, always with the role operator."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "username": "amelia",
                    "password": "three quiet lanterns",
                    "passwordConfirm": "three quiet lanterns",
                }
            ]
        }
    )

    username: Username
    """Name of the new account, 1 to 64 visible characters."""
    password: Password
    """Password of the new account."""
    passwordConfirm: Password  # noqa: N815 - the original's name
    """The same password once more."""
    created_at: datetime | None = None
    """Ignored, because the service sets it. The original's schema has this field."""


class Registered(Strict):
    """The account that was created."""

    id: str
    """Id of the account, 24 hexadecimal digits; the original's own id for an imported account."""
    username: str = Field(max_length=LONGEST_NAME)
    """Name of the account."""
    created_at: str
    """When the account was created, UTC without an offset: `2025-06-02 09:30:00.250000`, in `/me` with a `T` between
    date and time."""


class TokenResponse(Strict):
    """An access token, and a refresh token for a new session."""

    access_token: str
    """JWT to send as `Authorization: Bearer ...`."""
    token_type: str = "bearer"  # noqa: S105
    """Always `bearer`."""
    token_expiry: str = Field(examples=["31/12/2025, 23:59:59"])
    """When the access token expires, UTC, `dd/mm/yyyy, HH:MM:SS`."""
    expires_in: int
    """Seconds until the access token expires."""
    refresh_token: str | None = None
    """Opaque token for `POST /refresh`, valid once; null when an access token was renewed."""


class RefreshRequest(OriginalModel):
    """A refresh token, which can be used once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    refresh_token: Annotated[str, Field(max_length=MAX_FIELD_LENGTH)] | None = None
    """The refresh token of `/login` or of the last `/refresh`; without it the access token in the Authorization
    header is renewed."""


class PasswordChange(Strict):
    """The old and the new password."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"old_password": "three quiet lanterns", "new_password": "four loud copper bells"}]
        }
    )

    old_password: Password
    """Present password of the account."""
    new_password: Password
    """Password of the account from now on."""


class SessionResponse(Strict):
    """An open session of the account."""

    id: str
    """Id of the session."""
    source: str
    """Address from which the session was begun."""
    started_at: datetime
    """When the session was begun."""
    ends_at: datetime
    """When the session ends at the latest."""
    is_current: bool
    """Whether it is the session of this request."""


class Me(Strict):
    """Account of the token."""

    status: str = "success"
    """Always `success`."""
    user: Registered
    """The account that the token belongs to."""


class UserResponse(Strict):
    """An account as administrators see it."""

    id: str
    """Id of the account."""
    username: str
    """Name of the account."""
    role: Role
    """Role of the account."""
    created_at: datetime
    """When the account was created."""
    disabled_at: datetime | None
    """When the account was disabled; null if it is active."""


class UserPage(Strict):
    """A page of accounts, by name."""

    users: list[UserResponse]
    """Accounts of this page, by name."""
    next: str | None
    """Value of `after` for the next page; null on the last page."""


class UserChange(Strict):
    """Change of an account. Fields that are null or left out stay unchanged."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "analyst"}]})

    # a strict enum would reject the text of a role
    role: Annotated[Role | None, Field(strict=False)] = None
    """New role; null or left out: unchanged."""
    is_disabled: bool | None = None
    """Whether the account may not sign in; null or left out: unchanged."""
