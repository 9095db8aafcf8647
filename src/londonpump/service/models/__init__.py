"""Which model is on duty, and who decided that."""
