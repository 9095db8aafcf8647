"""Announced times compared with the arrivals."""
