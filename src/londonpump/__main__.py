"""Entry point of the command `londonpump` and of `python -m londonpump`."""

import sys


def main() -> None:
    """Run the command line."""
    arguments = sys.argv[1:]
    # a container asks every few seconds: loading the other commands would cost it ten times as much
    if arguments == ["healthcheck"]:
        from londonpump.healthcheck import DEFAULT_PORT, check  # noqa: PLC0415

        sys.exit(check(DEFAULT_PORT))
    from londonpump.cli import main as run_command_line  # noqa: PLC0415

    run_command_line()


if __name__ == "__main__":
    main()
