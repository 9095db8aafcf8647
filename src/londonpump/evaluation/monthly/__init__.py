"""The page of a month: the Brigade against its targets, the model on duty against reality, drift, decisions."""

from londonpump.evaluation.monthly.inputs import Month, MonthInputs
from londonpump.evaluation.monthly.render import render_month

__all__ = ["Month", "MonthInputs", "render_month"]
