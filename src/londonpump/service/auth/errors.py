"""Why signing in or an account is refused: each a kind of error that `service/errors.py` has an answer for."""

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
    """There is no token, or none of ours, or its session has ended: 401."""

    def __init__(self, problem: str = NO_TOKEN) -> None:
        super().__init__(f"{problem}. Sign in with POST /login.")
        self.original = "Not authenticated" if problem == NO_TOKEN else "You are not logged in"


class TokenTooOld(TokenExpired):
    """A token that was good and whose time is over: 403, as in the original."""

    original = "Token has expired"

    def __init__(self) -> None:
        super().__init__("The token has expired. Sign in again with POST /login, or use the refresh token.")


class RegistrationClosed(NotAllowed):
    """403."""

    def __init__(self) -> None:
        super().__init__(
            "Registration is closed. An administrator makes accounts with `londonpump users create`."
        )


class WrongCredentials(BadRequest):
    """The same words whether the user does not exist, is disabled or the password is wrong: 400."""

    original = "Incorrect Email or Password"

    def __init__(self) -> None:
        super().__init__("Wrong username or password.")


class WrongOldPassword(BadRequest):
    """400."""

    def __init__(self) -> None:
        super().__init__("The old password is wrong, and nothing was changed.")


class NoSuchSession(NotFound):
    """There is none, it has ended, or it is another person's: 404, and nobody learns which."""

    def __init__(self) -> None:
        super().__init__("There is no such session of yours. GET /me/sessions lists them.")


class PasswordsDiffer(BadRequest):
    """The password and its repetition: 400."""

    original = "Passwords do not match"

    def __init__(self) -> None:
        super().__init__("The two passwords differ. Send the same in password and passwordConfirm.")


class NameTaken(Conflict):
    """409."""

    original = "Account already exist"

    def __init__(self, username: str) -> None:
        super().__init__(f"The user {username!r} exists already. Choose another name.")


class LastAdmin(Conflict):
    """The service would be left without an administrator: 409."""

    def __init__(self) -> None:
        super().__init__("This is the only active admin. Make another one first.")


class NoSuchUser(NotFound):
    """404."""

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class InvalidValue(Unprocessable):
    """A field that breaks a rule which no type can tell: 422. The value itself is never in it."""

    def __init__(self, field: str, problem: str, original: tuple[str, str] | None = None) -> None:
        super().__init__((field, problem))
        self.problem = problem
        if original is not None:
            msg, type_ = original
            self.original = [{"loc": ["body", field], "msg": msg, "type": type_}]


class TooManyAttempts(TooMany):
    """429. retry_after_s: whole seconds, 1 or more."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many attempts. Try again in {retry_after_s} s.", retry_after_s)


class HashingBusy(TooMany):
    """Too many wait for the two that check passwords: 429."""

    def __init__(self) -> None:
        super().__init__("Too many people sign in at this moment. Try again in 2 s.", 2)
