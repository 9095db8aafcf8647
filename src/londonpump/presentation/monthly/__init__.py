"""The monthly page: the Brigade against its targets, the active model against reality, drift, and decisions."""

from londonpump.presentation.monthly.inputs import Month, MonthInputs
from londonpump.presentation.monthly.render import MonthPage, render_month

__all__ = ["Month", "MonthInputs", "MonthPage", "render_month"]
