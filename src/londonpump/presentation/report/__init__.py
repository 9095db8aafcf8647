"""The report and the model card: one self-contained page each, on screen and on paper."""

from londonpump.presentation.report.inputs import About, ReportInputs
from londonpump.presentation.report.render import render_model_card, render_report

__all__ = ["About", "ReportInputs", "render_model_card", "render_report"]
