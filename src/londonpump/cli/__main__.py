"""Entry point of `python -m londonpump.cli`."""

from londonpump.cli import main

if __name__ == "__main__":
    main()
