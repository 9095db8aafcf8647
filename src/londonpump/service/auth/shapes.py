"""What the routes of signing in take and give. The names of the original's fields stay as its clients know them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from londonpump.brigade.user_names import LONGEST as LONGEST_NAME
from londonpump.service.rights import Role

LONGEST_FIELD = 1024
"""Longer ones are no names and no passwords, and are not worth normalising."""

Username = Annotated[str, Field(max_length=LONGEST_FIELD, examples=["amelia"])]
Password = Annotated[str, Field(max_length=LONGEST_FIELD, json_schema_extra={"format": "password"})]


class Strict(BaseModel):
    """Nothing is taken for something else, and nothing that is not asked for is taken."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Registration(Strict):
    """A new account. Its role is operator: none can be asked for."""

    username: Username
    password: Password
    passwordConfirm: Password  # noqa: N815 - the original's name


class Registered(Strict):
    """The account that was made."""

    id: str
    username: str = Field(max_length=LONGEST_NAME)
    created_at: datetime


class AccessGiven(Strict):
    """token_expiry: dd/mm/yyyy, HH:MM:SS, UTC, as the original wrote it. expires_in: seconds from now."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105
    token_expiry: str = Field(examples=["31/12/2025, 23:59:59"])
    expires_in: int
    refresh_token: str | None = None


class RefreshWanted(Strict):
    """refresh_token: of /login or of the last /refresh; it can be used once."""

    refresh_token: Annotated[str, Field(max_length=LONGEST_FIELD)]


class PasswordWanted(Strict):
    """The password as it is, and as it shall be."""

    old_password: Password
    new_password: Password


class SessionShown(Strict):
    """A session of one's own that lives. source: the address it was begun from. is_current: the one that asks."""

    id: str
    source: str
    started_at: datetime
    ends_at: datetime
    is_current: bool


class Me(Strict):
    """Who the token belongs to."""

    status: str = "success"
    user: Registered


class UserShown(Strict):
    """An account as administrators see it."""

    id: str
    username: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None


class UsersShown(Strict):
    """A page of accounts, by name. next: what to send as `after` for the next page; null at the end."""

    users: list[UserShown]
    next: str | None


class UserChange(Strict):
    """What is to be changed; what is left out or null stays."""

    # strict would refuse the text of a role
    role: Annotated[Role | None, Field(strict=False)] = None
    is_disabled: bool | None = None
