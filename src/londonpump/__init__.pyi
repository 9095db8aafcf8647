from londonpump.api import Arrival as Arrival
from londonpump.api import LondonPumpError as LondonPumpError
from londonpump.api import Model as Model
from londonpump.api import PreparedData as PreparedData
from londonpump.api import Records as Records
from londonpump.api import evaluate as evaluate
from londonpump.api import load as load
from londonpump.api import prepare as prepare
from londonpump.api import read_records as read_records
from londonpump.api import train as train

__version__: str
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
