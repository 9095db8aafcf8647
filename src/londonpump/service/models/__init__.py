"""Routes for the active model and the decisions about it."""
