"""Store of bundles, ledger of decisions about the active model, and tracking in MLflow."""
