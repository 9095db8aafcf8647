"""Fitted models: response time, number of pumps, and simple baselines."""
