"""Metrics with intervals, paired comparisons, drift and the promotion rule."""
