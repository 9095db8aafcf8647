"""Health of the service: liveness, readiness, and the age of its model and data."""
