"""Drift of the inputs of a model: its detection, and the limits that stable data rarely exceed."""
