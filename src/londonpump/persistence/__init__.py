"""Files, model bundles and the database."""
