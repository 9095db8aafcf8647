"""Monitoring of the active model: checks, outcomes of announced times, actions, and the command that joins them."""

from londonpump.lifecycle.monitor.command import ExternalCalls, MonitoringResult, MonitorRequest, monitor

__all__ = ["ExternalCalls", "MonitorRequest", "MonitoringResult", "monitor"]
