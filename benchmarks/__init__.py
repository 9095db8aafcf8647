"""Speed, memory and growth of the product, measured in fresh processes and kept as json beside the machine.

`python -m benchmarks` measures all of it, `python -m benchmarks.accuracy` how good the predictions are.
"""
