"""Settings, read once at the edge: environment variables that begin with LONDONPUMP_."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where state lives that no command line names.

    home: `LONDONPUMP_HOME`, the platform's user data folder by default.
    """

    model_config = SettingsConfigDict(
        env_prefix="LONDONPUMP_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    home: Path = Field(default_factory=lambda: user_data_path("londonpump", appauthor=False))

    @property
    def data(self) -> Path:
        """Examples that `prepare` made."""
        return self.home / "data"

    @property
    def bundle(self) -> Path:
        """The model that `train` made last."""
        return self.home / "bundle"

    @property
    def report(self) -> Path:
        """The report that `evaluate` wrote last."""
        return self.home / "report.html"
