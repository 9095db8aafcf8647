"""Fitted models: response time, number of pumps, and the original recipe as a baseline."""
