"""The report on the Brigade: its attendance against the targets, since the first record and around a date."""

from londonpump.presentation.brigade.records import BrigadeRecords
from londonpump.presentation.brigade.render import BrigadePage, render_brigade

__all__ = ["BrigadePage", "BrigadeRecords", "render_brigade"]
