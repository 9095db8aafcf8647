"""Errors of sign-in and accounts. `service/errors.py` maps their base classes to responses."""

from londonpump.service.errors import (
    BadRequest,
    Conflict,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TokenExpired,
    TooMany,
    Unprocessable,
)

NO_TOKEN = "No valid token was sent"  # noqa: S105


class NoValidToken(NotSignedIn):
    """The token is missing or invalid, or its session has ended (401)."""

    def __init__(self, problem: str = NO_TOKEN) -> None:
        super().__init__(f"{problem}. Sign in with POST /login.")
        self.original = "Not authenticated" if problem == NO_TOKEN else "You are not logged in"


class TokenTooOld(TokenExpired):
    """The token was valid and has expired (403, as in the original)."""

    original = "Token has expired"

    def __init__(self) -> None:
        super().__init__("The token has expired. Sign in again with POST /login, or use the refresh token.")


class RegistrationClosed(NotAllowed):
    """Registration is disabled by the settings (403)."""

    def __init__(self) -> None:
        super().__init__(
            "Registration is closed. An administrator creates accounts with `londonpump users create`."
        )


class WrongCredentials(BadRequest):
    """The sign-in failed (400). The text is the same for an unknown user, a disabled one and a wrong password."""

    original = "Incorrect Email or Password"

    def __init__(self) -> None:
        super().__init__("Wrong username or password.")


class WrongOldPassword(BadRequest):
    """The old password is wrong (400)."""

    def __init__(self) -> None:
        super().__init__("The old password is wrong. The password was not changed.")


class NoSuchSession(NotFound):
    """The session does not exist, has ended, or belongs to another user (404). The text does not reveal which."""

    def __init__(self) -> None:
        super().__init__("You have no such session. GET /me/sessions lists your sessions.")


class PasswordsDiffer(BadRequest):
    """The password and its repetition differ (400)."""

    original = "Passwords do not match"

    def __init__(self) -> None:
        super().__init__("The two passwords differ. Send the same in password and passwordConfirm.")


class NameTaken(Conflict):
    """The username is in use (409)."""

    original = "Account already exist"

    def __init__(self, username: str) -> None:
        super().__init__(f"The user {username!r} exists already. Choose another name.")


class LastAdmin(Conflict):
    """The change would leave the service without an administrator (409)."""

    def __init__(self) -> None:
        super().__init__("This is the only active admin. Create another one first.")


class NoSuchUser(NotFound):
    """The user does not exist (404)."""

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class InvalidValue(Unprocessable):
    """A field breaks a rule that its type cannot express (422). The text never contains the value."""

    def __init__(self, field: str, problem: str, original: tuple[str, str] | None = None) -> None:
        super().__init__((field, problem))
        self.problem = problem
        if original is not None:
            msg, type_ = original
            self.original = [{"loc": ["body", field], "msg": msg, "type": type_}]


class TooManyAttempts(TooMany):
    """The client made too many attempts (429). retry_after_s: 1 or more."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many attempts. Try again in {retry_after_s} s.", retry_after_s)


class HashingBusy(TooMany):
    """The queue of the threads that hash passwords is full (429)."""

    def __init__(self) -> None:
        super().__init__("Too many people are signing in. Try again in 2 s.", 2)
