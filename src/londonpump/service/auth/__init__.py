"""Accounts, signing in, sessions. `desk.Auth` is what the state of the service holds of it."""
