"""The monthly page: the Brigade against its targets, the active model against reality, drift, and decisions."""

from londonpump.evaluation.monthly.inputs import Month, MonthInputs
from londonpump.evaluation.monthly.render import render_month

__all__ = ["Month", "MonthInputs", "render_month"]
