"""londonpump: which fire engines can reach an emergency in London, how soon and how sure.

`import londonpump as lp` gives the functions and classes of `londonpump.api`; each is loaded when it is first used.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "Arrival",
    "LondonPumpError",
    "Model",
    "PreparedData",
    "Records",
    "__version__",
    "evaluate",
    "load",
    "prepare",
    "read_records",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load a name of `londonpump.api` (PEP 562): a command that needs none of them does not wait for LightGBM."""
    if name not in __all__:
        raise AttributeError(f"module 'londonpump' has no attribute {name!r}. It has {', '.join(__all__)}")
    return getattr(importlib.import_module("londonpump.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
