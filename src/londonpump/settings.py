"""Settings, read once at the edge: environment variables that begin with LONDONPUMP_."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from londonpump.domain.errors import BadSetting

PREFIX = "LONDONPUMP_"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _validate_web_address(text: str) -> str:
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


def _require_https(text: str) -> str:
    host = urlsplit(text).hostname or ""
    if text.startswith("http://") and host not in LOOPBACK:
        raise ValueError("it would send a key in the clear: begin it with https://")
    return text


def _require_bare_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "it holds a password: take it out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    if parts.query or parts.fragment:
        raise ValueError("it holds more than host, port and path: take away what begins with ? or #")
    return text


def _validate_key(secret: SecretStr) -> SecretStr:
    """Without the blanks and the line end that a file or a form may have added."""
    text = secret.get_secret_value().strip()
    if not text or not (text.isascii() and text.isprintable()):
        raise ValueError("it is no key: it holds signs that no key has, or nothing")
    return SecretStr(text)


PublisherKey = Annotated[SecretStr, AfterValidator(_validate_key)]
WebAddress = Annotated[str, AfterValidator(_validate_web_address)]
BareAddress = Annotated[WebAddress, AfterValidator(_require_bare_address)]
AddressWithKey = Annotated[WebAddress, AfterValidator(_require_https)]


class Settings(BaseSettings):
    """Where state lives and where data comes from, as far as no command line names it.

    home: `LONDONPUMP_HOME`, the platform's user data folder by default. database_url: SQLite in the home by
    default. Each `..._url` is a publisher's base address; `open_meteo_url` unset means the publisher's own hosts
    (one a service), set means `/v1/forecast`, `/v1/archive` and `/v1/historical-forecast` below it. Keys are
    secrets: they are never shown.

    bundles: the folder of models, `bundle` in the home by default. secret_file: what signs the tokens of the
    service. registration: may anybody make an account; None means only with the embedded database. password_min:
    characters of a new password. token_minutes: how long an access token is valid, and no longer than its session of
    12 hours. proxies: how many of ours stand in front and add to X-Forwarded-For;
    0 believes no such header. source_connections: how many connections one address may hold on which nobody has signed
    in; not counted behind proxies. database_patience_ms: how long a request waits for the database before it is a 503.

    mlflow_url: a server of MLflow; None: a store in the home. tracking: whether trainings and decisions are told to it.

    challenge_days: a training stops so long before the newest complete day, and is judged on what came after.
    champion_age_days: a champion trained until longer ago may be replaced by a newer model that is not worse.
    run: the scheduled run that a command is part of; the ledger names it beside the person.

    alarm_webhook: where `monitor` sends alarms; an address may hold a key, so it is a secret. roll_back: what `monitor`
    does when the live error has been more than roll_back_mae_pct above the evaluated one, or coverage too low, on
    roll_back_days one after another; not within roll_back_gap_days of the last roll back.
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
    visual_crossing_key: PublisherKey | None = None
    school_terms_url: WebAddress = (
        "https://publicholidays.co.uk/school-holidays/england/barking-and-dagenham/"
    )
    govuk_url: WebAddress = "https://www.gov.uk"
    tomtom_url: AddressWithKey = "https://api.tomtom.com"
    tomtom_key: PublisherKey | None = None
    bundles: Path | None = None
    secret_file: Path | None = None
    mlflow_url: BareAddress | None = None
    tracking: bool = True
    registration: bool | None = None
    password_min: int = Field(default=8, ge=6, le=128)
    token_minutes: int = Field(default=10, ge=1, le=720)
    proxies: int = Field(default=0, ge=0, le=8)
    source_connections: int = Field(default=64, ge=1, le=256)
    database_patience_ms: int = Field(default=80, ge=10, le=5000)
    challenge_days: int = Field(default=28, ge=1, le=366)
    champion_age_days: int = Field(default=180, ge=1)
    run: str | None = Field(default=None, max_length=200)
    alarm_webhook: SecretStr | None = None
    roll_back: Literal["propose", "auto", "off"] = "propose"
    roll_back_mae_pct: float = Field(default=10.0, gt=0, le=1000)
    roll_back_days: int = Field(default=3, ge=1, le=60)
    roll_back_gap_days: int = Field(default=14, ge=1, le=366)

    @field_validator("alarm_webhook")
    @classmethod
    def _validate_webhook(cls, secret: SecretStr | None) -> SecretStr | None:
        return secret and SecretStr(_require_https(_validate_web_address(secret.get_secret_value())))

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
    def model_card(self) -> Path:
        """The model card beside it."""
        return self.report.with_name("model_card.html")

    @property
    def evaluation(self) -> Path:
        """Every figure behind it, as json."""
        return self.report.with_name("evaluation.json")

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
    problems = [(_setting_name(each["loc"]), _lower_first(each["msg"])) for each in wrong]
    (first, problem), *others = problems
    also = "".join(f"; {name}: {other}" for name, other in others)
    raise BadSetting(first, problem + also, "Mend it, or take it away for the default.")


def _setting_name(location: tuple[int | str, ...]) -> str:
    return PREFIX + str(location[0]).upper()


def _lower_first(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
