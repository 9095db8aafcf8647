"""Incidents: open ones, one with its history, and those near a point."""
