"""How good the predictions are on real records: `python -m benchmarks.accuracy` measures every figure again."""
