"""Speed, memory and growth of the product, measured in fresh processes and stored as JSON with the machine.

`python -m benchmarks` measures all of it, `python -m benchmarks.accuracy` how good the predictions are.
"""
