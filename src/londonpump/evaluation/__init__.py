"""Evaluation of models on later dispatches: metrics with intervals, comparison, report and model card."""
