"""What the routes of signing in take and give. The names of the original's fields stay as its clients know them."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from londonpump.domain.usernames import MAX_USERNAME_LENGTH as LONGEST_NAME
from londonpump.service.field_formats import ApiModel
from londonpump.service.rights import Role

MAX_FIELD_LENGTH = 1024
"""Longer ones are no names and no passwords, and are not worth normalising."""

Username = Annotated[str, Field(max_length=MAX_FIELD_LENGTH, examples=["amelia"])]
Password = Annotated[str, Field(max_length=MAX_FIELD_LENGTH, json_schema_extra={"format": "password"})]


class Strict(ApiModel):
    """Nothing is taken for something else, and nothing that is not asked for is taken."""

    model_config = ConfigDict(strict=True, extra="forbid")


class OriginalModel(ApiModel):
    """What the original's clients send: it took numbers for texts, and ignored what it did not know."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class Registration(OriginalModel):
    """A new account. Its role is operator: none can be asked for."""

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
    """Ignored: accounts are dated by the service. The original's schema has this field."""


class Registered(Strict):
    """The account that was made."""

    id: str
    """Id of the account, 24 hexadecimal digits; the original's own id for an imported account."""
    username: str = Field(max_length=LONGEST_NAME)
    """Name of the account."""
    created_at: str
    """When the account was made, UTC without an offset: `2025-06-02 09:30:00.250000`, in `/me` with a `T` between
    date and time."""


class AccessGiven(Strict):
    """token_expiry: dd/mm/yyyy, HH:MM:SS, UTC, as the original wrote it. expires_in: seconds from now."""

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


class RefreshWanted(OriginalModel):
    """refresh_token: of /login or of the last /refresh; it can be used once. Without it the access token counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    refresh_token: Annotated[str, Field(max_length=MAX_FIELD_LENGTH)] | None = None
    """The refresh token of `/login` or of the last `/refresh`; without it the access token in the Authorization
    header is renewed."""


class PasswordWanted(Strict):
    """The password as it is, and as it shall be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"old_password": "three quiet lanterns", "new_password": "four loud copper bells"}]
        }
    )

    old_password: Password
    """Present password of the account."""
    new_password: Password
    """Password of the account from now on."""


class SessionShown(Strict):
    """A session of one's own that lives. source: the address it was begun from. is_current: the one that asks."""

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
    """Who the token belongs to."""

    status: str = "success"
    """Always `success`."""
    user: Registered
    """The account that the token belongs to."""


class UserShown(Strict):
    """An account as administrators see it."""

    id: str
    """Id of the account."""
    username: str
    """Name of the account."""
    role: Role
    """Role of the account."""
    created_at: datetime
    """When the account was made."""
    disabled_at: datetime | None
    """When the account was disabled; null if it is active."""


class UsersShown(Strict):
    """A page of accounts, by name. next: what to send as `after` for the next page; null at the end."""

    users: list[UserShown]
    """Accounts of this page, by name."""
    next: str | None
    """Value of `after` for the next page; null on the last page."""


class UserChange(Strict):
    """What is to be changed; what is left out or null stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "analyst"}]})

    # strict would refuse the text of a role
    role: Annotated[Role | None, Field(strict=False)] = None
    """New role; null or left out: unchanged."""
    is_disabled: bool | None = None
    """Whether the account may not sign in; null or left out: unchanged."""
