"""What a command needs that is not installed here: the service's own environment holds nothing of training."""

from londonpump.domain.errors import LondonPumpError

MODULES = {
    "train": (
        *("bs4", "bson", "duckdb", "fastexcel", "httpx2", "ibis", "jinja2", "matplotlib"),
        *("pyarrow", "pyarrow_hotfix", "sklearn", "sqlglot", "xlsxwriter"),
    ),
    "service": (
        *("fastapi", "fastapi_offline", "httptools", "jwt", "prometheus_client", "pwdlib"),
        *("python_multipart", "starlette", "uvicorn", "uvloop"),
    ),
    "track": ("mlflow",),
}
"""{extra: the modules that it brings}, as pyproject.toml names their distributions."""


class NotInstalled(LondonPumpError):
    """A part of londonpump that was left out of this environment."""

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(
            f"This needs londonpump[{extra}], and {module} is not installed here. Install it: "
            f"pip install 'londonpump[{extra}]' (in a clone: make setup)"
        )


def not_installed(error: ModuleNotFoundError) -> NotInstalled | None:
    """What to install for a module that was not found; None if it belongs to no extra, and is a fault of ours."""
    module = (error.name or "").partition(".")[0]
    for extra, modules in MODULES.items():
        if module in modules:
            return NotInstalled(extra, module)
    return None
