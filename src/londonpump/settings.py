"""Settings, read once at the edge: variables of the environment that begin with LONDONPUMP_, and `londonpump.toml`."""

import getpass
import os
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from londonpump.domain.errors import BadFile, BadSetting
from londonpump.logs import LogFormat

PREFIX = "LONDONPUMP_"
CONFIG, CONFIG_FILE = "LONDONPUMP_CONFIG", "londonpump.toml"
"""Variable that names the file of settings, and its name where no variable names it."""
OTHER_VARIABLES = (CONFIG, "LONDONPUMP_COMMAND")
"""Variables that are no settings; the DAGs read the second one."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _validate_web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("it is not an address: begin it with https:// (or http:// for a mirror of your own)")
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError("it is not an address: write https://host or https://host:port")
    return text.rstrip("/")


def _require_https(text: str) -> str:
    host = urlsplit(text).hostname or ""
    # plain HTTP stays allowed to the own machine, for mirrors and tests
    if text.startswith("http://") and host not in LOOPBACK:
        raise ValueError("it would send a key unencrypted: begin it with https://")
    return text


def _require_bare_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "it contains a password: remove it, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    if parts.query or parts.fragment:
        raise ValueError("it contains more than host, port and path: remove the part that begins with ? or #")
    return text


def _validate_key(secret: SecretStr) -> SecretStr:
    """Strip the blanks and the line end that a file or a form may have added."""
    text = secret.get_secret_value().strip()
    if not text or not (text.isascii() and text.isprintable()):
        raise ValueError("it is not a key: it is empty or contains characters that keys do not have")
    return SecretStr(text)


def _default_home() -> Path:
    try:
        return user_data_path("londonpump", appauthor=False)
    except RuntimeError as error:
        # a container may run under a user id that has no home folder
        raise BadSetting(
            "LONDONPUMP_HOME", "is not set, and this user has no home folder", "Set it."
        ) from error


PublisherKey = Annotated[SecretStr, AfterValidator(_validate_key)]
WebAddress = Annotated[str, AfterValidator(_validate_web_address)]
BareAddress = Annotated[WebAddress, AfterValidator(_require_bare_address)]
AddressWithKey = Annotated[WebAddress, AfterValidator(_require_https)]


class Settings(BaseSettings):
    """Settings of the product, for what no command line option names. Keys are secrets and are never shown."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from: arguments, then variables, then the file."""
        return init_settings, env_settings, _ConfigFile(settings_cls, config_file())

    home: Path = Field(default_factory=_default_home)
    """Folder of all state; the user data folder of the platform by default."""
    log_format: LogFormat = "auto"
    """Form of the lines on standard error."""
    database_url: SecretStr | None = None
    """Address of the database; None: SQLite in the home."""
    # base addresses of the publishers
    datastore_url: WebAddress = "https://data.london.gov.uk"
    open_meteo_url: WebAddress | None = None
    """None: the publisher's own hosts, one per service; else `/v1/forecast`, `/v1/archive` and
    `/v1/historical-forecast` below this address."""
    visual_crossing_url: AddressWithKey = "https://weather.visualcrossing.com"
    visual_crossing_key: PublisherKey | None = None
    school_terms_url: WebAddress = (
        "https://publicholidays.co.uk/school-holidays/england/barking-and-dagenham/"
    )
    govuk_url: WebAddress = "https://www.gov.uk"
    roads_url: WebAddress = (
        "https://download.geofabrik.de/europe/united-kingdom/england/greater-london-latest.osm.pbf"
    )
    """Address of the map file that `fetch roads` downloads."""
    tomtom_url: AddressWithKey = "https://api.tomtom.com"
    tomtom_key: PublisherKey | None = None
    bundles: Path | None = None
    """Folder of the models; None: `bundle` in the home."""
    secret_file: Path | None = None
    """File of the secret that signs the access tokens of the service."""
    mlflow_url: BareAddress | None = None
    """MLflow server; None: a store in the home."""
    tracking: bool | None = None
    """Whether `run` ends by sending its training and its decision to MLflow; None: if a server is named or `track` was used
    before. `track` sends them always."""
    registration: bool | None = None
    """Whether anybody may create an account; None: only with the embedded database."""
    password_min: int = Field(default=8, ge=6, le=128)
    """Minimum number of characters of a new password."""
    token_minutes: int = Field(default=10, ge=1, le=720)
    """Lifetime of an access token, which never exceeds its session of 12 hours."""
    proxies: int = Field(default=0, ge=0, le=8)
    """Number of our proxies that add to X-Forwarded-For; 0 ignores that header."""
    source_connections: int = Field(default=64, ge=1, le=256)
    """Maximum number of anonymous connections per address; not applied behind proxies."""
    database_patience_ms: int = Field(default=80, ge=10, le=5000)
    """Time that a request waits for the database before it is answered with 503."""
    drain_s: float = Field(default=0.0, ge=0, le=600)
    """Seconds after SIGTERM during which the service still answers, while `/readyz` sends new requests elsewhere."""
    public_url: BareAddress | None = None
    """Address by which browsers reach the console; None: the host of each request. Needed behind a proxy that changes it."""
    console_records: bool = True
    """Whether pumps can be recorded as sent in the console; False if only a feed keeps the board."""
    map_tiles: Path | None = None
    """PMTiles or MBTiles file (OpenMapTiles schema) with the streets of the console's map; None: no streets."""
    challenge_days: int = Field(default=28, ge=1, le=366)
    """Length of the period before the newest complete day that training leaves out and evaluation uses."""
    champion_age_days: int = Field(default=180, ge=1)
    """Age of the champion's training data from which a newer model that is not worse may replace it."""
    run: str | None = Field(default=None, max_length=200)
    """Scheduled run that a command belongs to; the ledger stores it with the person."""
    alarm_webhook: SecretStr | None = None
    """Address to which `monitor` sends alarms. It may contain a key, so it is a secret."""
    # `monitor` rolls back (or proposes it) when the live error exceeds the evaluated one by more than
    # roll_back_mae_pct, or coverage is too low, on roll_back_days consecutive days; never within
    # roll_back_gap_days of the last roll back, so that two models do not replace each other in turn
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
        """Folder of the examples that `prepare` makes."""
        return self.home / "data"

    @property
    def bundle(self) -> Path:
        """Folder in which `train` stores models and names the newest one."""
        return self.bundles if self.bundles is not None else self.home / "bundle"

    @property
    def report(self) -> Path:
        """Last report of `evaluate`."""
        return self.home / "report.html"

    @property
    def model_card(self) -> Path:
        """Model card next to the report."""
        return self.report.with_name("model_card.html")

    @property
    def evaluation(self) -> Path:
        """All figures of the report, as JSON."""
        return self.report.with_name("evaluation.json")

    @property
    def records(self) -> Path:
        """Folder of the published files that `fetch records` downloads."""
        return self.home / "records"

    @property
    def roads(self) -> Path:
        """Folder of the tables of roads, and of the maps that `fetch roads` downloads."""
        return self.home / "roads"

    @property
    def places(self) -> Path:
        """Folder of the indexes of places that `places import` makes."""
        return self.home / "places"

    @property
    def is_embedded(self) -> bool:
        """True if the database is the SQLite file in the home: one machine, one user."""
        return self.database_url is None

    @property
    def database(self) -> str:
        """Address of the database with its password. Never show it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        # quoted, because a home folder may contain characters that have a meaning in an address
        return f"sqlite:///{quote(str(self.home / 'londonpump.db'))}"


class _ConfigFile(TomlConfigSettingsSource):
    """File of settings, each with the name of its variable in lower case and without the prefix."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        """Read the file. Raises: BadFile if it is not TOML or names something that is no setting."""
        try:
            values = super()._read_file(file_path)
        except (OSError, ValueError) as error:
            problem = error.strerror if isinstance(error, OSError) else error
            raise BadFile(file_path, f"cannot be read as TOML ({problem})", "Correct it.") from error
        unknown = [name for name in values if name not in Settings.model_fields]
        if unknown:
            problem = ", ".join(f"{name!r} is no setting{nearest(name)}" for name in unknown)
            raise BadFile(file_path, problem, "Correct the name, or remove the line.")
        # an empty path would be the folder of the file, and a list a folder of that spelling
        wrong = [name for name, value in values.items() if value == "" or isinstance(value, list | dict)]
        if wrong:
            problem = ", ".join(f"{name} = {values[name]!r} is no value" for name in wrong)
            raise BadFile(file_path, problem, "Write a text, a number, true or false, or remove the line.")
        for name in PATHS & values.keys():
            # relative to the file, so that the settings mean the same wherever a command is started
            values[name] = str(Path(file_path).parent / str(values[name]))
        return values


PATHS = {"home", "bundles", "secret_file", "map_tiles"}


def config_file() -> Path | None:
    """Return the file of settings that counts: that of LONDONPUMP_CONFIG, else in this folder, else in the home.

    Raises: BadSetting if LONDONPUMP_CONFIG names no file.
    """
    if named := os.environ.get(CONFIG):
        if not Path(named).exists() or Path(named).is_dir():
            raise BadSetting(
                CONFIG, "it names no file", f"Name a file of settings; {os.devnull} stands for none."
            )
        return Path(named).resolve()
    folders = [Path()]
    # a user without a home folder may have a setting for it, or a file here
    with suppress(BadSetting):
        folders.append(Path(os.environ.get(f"{PREFIX}HOME") or _default_home()))
    files = (folder / CONFIG_FILE for folder in folders)
    # a home that this process may not look into, of another user, has no file for it: is_file would raise
    return next((file.resolve() for file in files if os.access(file, os.F_OK) and file.is_file()), None)


def nearest(name: str) -> str:
    """Return a hint at the setting that a misspelt name probably means, as it is spelt there; empty if none is near."""
    is_variable = name.upper().startswith(PREFIX)
    lower = name.lower().removeprefix(PREFIX.lower())
    names = [*Settings.model_fields, *(f"{secret}_file" for secret in SECRETS if is_variable)]
    found = get_close_matches(lower, names, n=1)
    return "" if not found else f" (nearest: {_setting_name(tuple(found)) if is_variable else found[0]})"


def unknown_variables() -> dict[str, str]:
    """Return {variable: hint at the nearest setting} of the variables that begin like settings and are none."""
    known = {_setting_name((name,)) for name in Settings.model_fields} | set(OTHER_VARIABLES)
    known |= {f"{_setting_name((name,))}_FILE" for name in SECRETS}
    return {
        name: nearest(name)
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX) and name.upper() not in known
    }


def source_of(settings: Settings, name: str) -> str:
    """Return where a setting comes from: its variable, the file that a variable names, the file of settings, or the default."""
    variable = _setting_name((name,))
    if name in SECRETS and os.environ.get(f"{variable}_FILE"):
        return f"{variable}_FILE"
    if _is_set(variable):
        return variable
    return str(config_file()) if name in settings.model_fields_set else "default"


def _is_set(variable: str) -> bool:
    # pydantic reads variables in small letters too
    return any(name.upper() == variable and value for name, value in os.environ.items())


SECRETS = ("database_url", "visual_crossing_key", "tomtom_key", "alarm_webhook")
"""Settings that `LONDONPUMP_<NAME>_FILE` reads from a file, so that the environment holds no password."""
MAX_SECRET_BYTES = 4096


def read_settings() -> Settings:
    """Read the settings of the environment. Raises: BadSetting, which names each invalid setting but not its value."""
    secrets = {name: text for name in SECRETS if (text := _read_secret(_setting_name((name,)))) is not None}
    try:
        return Settings(**secrets)  # type: ignore[arg-type]  # validated, as those of the environment are
    except ValidationError as error:
        # without the input: a mistyped key or password must not appear on the screen or in a log
        wrong = error.errors(include_input=False, include_context=False, include_url=False)
    problems = [(_blamed(each["loc"], secrets), _lower_first(each["msg"])) for each in wrong]
    (first, problem), *others = problems
    also = "".join(f"; {name}: {other}" for name, other in others)
    raise BadSetting(first, problem + also, "Correct it, or unset it to use the default.")


def _read_secret(name: str) -> str | None:
    """Return the content of the file that a setting's `_FILE` variant names, or None. Raises: BadSetting."""
    variant = f"{name}_FILE"
    path = os.environ.get(variant)
    if not path:
        return None
    if os.environ.get(name):
        raise BadSetting(variant, f"{name} is set too", "Unset one of them.")
    if Path(path).exists() and not Path(path).is_file():
        raise BadSetting(variant, "it names no file", "Name a file that holds the secret.")
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        text = content.decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not text"
        raise BadSetting(
            variant, f"the file cannot be read ({problem})", "Check its path and its mode."
        ) from error
    if not text or len(content) > MAX_SECRET_BYTES:
        problem = f"has more than {MAX_SECRET_BYTES} bytes" if text else "is empty"
        raise BadSetting(variant, f"the file {problem}", "Write the secret into it, and nothing else.")
    return text


def operating_system_user() -> str:
    """Return the name of the user who runs this process, or its number: a container may have no name for it.

    The name comes from the user database of the machine, because any user can set the variables of the environment.
    """
    try:
        import pwd  # noqa: PLC0415 - not on every platform
    except ImportError:
        return getpass.getuser()
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def _blamed(location: tuple[int | str, ...], secrets: dict[str, str]) -> str:
    """Return the variable, or the line of the file of settings, that a wrong value comes from."""
    name = str(location[0])
    variable = _setting_name(location)
    if name in secrets:
        return f"{variable}_FILE"
    return variable if _is_set(variable) else f"{config_file()}, {name}"


def _setting_name(location: tuple[int | str, ...]) -> str:
    return PREFIX + str(location[0]).upper()


def _lower_first(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
