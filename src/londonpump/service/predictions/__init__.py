"""Predictions for operators: pumps ranked by arrival time, with intervals and explanations."""
