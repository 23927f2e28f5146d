"""The command `crossloom`, also as `python -m crossloom`."""

import signal
import sys


def main() -> None:
    """Run the command. What it works with is imported here, so that an interrupt is told in one word."""
    try:
        from crossloom.cli import main as command
        from crossloom.cli.failures import terminate

        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, terminate)
        command(prog_name="crossloom")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
