"""Accuracy of the predictions on real records: `python -m benchmarks.accuracy` measures every figure again."""
