"""Which bundle is on duty and how it came to be: the store of bundles, the ledger, tracking in MLflow."""
