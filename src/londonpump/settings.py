"""Settings, read once at the edge: environment variables that begin with LONDONPUMP_."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from londonpump.brigade.errors import BadSetting

PREFIX = "LONDONPUMP_"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _is_web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("it is no address: begin it with https:// (or http:// for a mirror of your own)")
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError("it is no address: write https://host or https://host:port")
    return text.rstrip("/")


def _is_safe_for_a_key(text: str) -> str:
    host = urlsplit(text).hostname or ""
    if text.startswith("http://") and host not in LOOPBACK:
        raise ValueError("it would send a key in the clear: begin it with https://")
    return text


WebAddress = Annotated[str, AfterValidator(_is_web_address)]
AddressWithKey = Annotated[WebAddress, AfterValidator(_is_safe_for_a_key)]


class Settings(BaseSettings):
    """Where state lives and where data comes from, as far as no command line names it.

    home: `LONDONPUMP_HOME`, the platform's user data folder by default. database_url: SQLite in the home by
    default. Each `..._url` is a publisher's base address; `open_meteo_url` unset means the publisher's own hosts
    (one a service), set means `/v1/forecast`, `/v1/archive` and `/v1/historical-forecast` below it. Keys are
    secrets: they are never shown.

    bundles: the folder of models, `bundle` in the home by default. secret_file: what signs the tokens of the
    service. registration: may anybody make an account; None means only with the embedded database. password_min:
    characters of a new password. proxies: how many of ours stand in front and add to X-Forwarded-For;
    0 believes no such header.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    home: Path = Field(default_factory=lambda: user_data_path("londonpump", appauthor=False))
    database_url: SecretStr | None = None
    datastore_url: WebAddress = "https://data.london.gov.uk"
    open_meteo_url: WebAddress | None = None
    visual_crossing_url: AddressWithKey = "https://weather.visualcrossing.com"
    visual_crossing_key: SecretStr | None = None
    school_terms_url: WebAddress = (
        "https://publicholidays.co.uk/school-holidays/england/barking-and-dagenham/"
    )
    govuk_url: WebAddress = "https://www.gov.uk"
    tomtom_url: AddressWithKey = "https://api.tomtom.com"
    tomtom_key: SecretStr | None = None
    bundles: Path | None = None
    secret_file: Path | None = None
    mlflow_url: WebAddress | None = None
    registration: bool | None = None
    password_min: int = Field(default=8, ge=6, le=128)
    proxies: int = Field(default=0, ge=0, le=8)

    @property
    def data(self) -> Path:
        """Examples that `prepare` made."""
        return self.home / "data"

    @property
    def bundle(self) -> Path:
        """Where `train` puts models, and where the one made last is named."""
        return self.bundles if self.bundles is not None else self.home / "bundle"

    @property
    def report(self) -> Path:
        """The report that `evaluate` wrote last."""
        return self.home / "report.html"

    @property
    def records(self) -> Path:
        """Published files that `fetch records` brought."""
        return self.home / "records"

    @property
    def is_embedded(self) -> bool:
        """The database is the one in the home: one machine, one person who tries things."""
        return self.database_url is None

    @property
    def database(self) -> str:
        """The address of the database, its password included: never to be shown."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{quote(str(self.home / 'londonpump.db'))}"


def read_settings() -> Settings:
    """The settings of the environment. Raises: BadSetting naming each that cannot be used, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_context=False, include_url=False)
    problems = [(_setting(each["loc"]), _in_a_sentence(each["msg"])) for each in wrong]
    (first, problem), *others = problems
    also = "".join(f"; {name}: {other}" for name, other in others)
    raise BadSetting(first, problem + also, "Mend it, or take it away for the default.")


def _setting(place: tuple[int | str, ...]) -> str:
    return PREFIX + str(place[0]).upper()


def _in_a_sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
