"""The routes of the original system, with its status codes, answered by the active model."""
