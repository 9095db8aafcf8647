"""`python -m londonpump.cli`."""

from londonpump.cli import main

main()
