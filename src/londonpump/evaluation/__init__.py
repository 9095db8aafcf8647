"""How good a model is, on later runs: metrics with intervals, fair comparison, the report and the card."""
