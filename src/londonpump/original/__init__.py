"""The API contract of the original system: its routes, spellings and status codes, answered by the active model."""
