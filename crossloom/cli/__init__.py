"""The command line. Each command is a file here, and imports what it works with when it runs."""

from crossloom.cli.application import Application

main = Application(name="crossloom")

__all__ = ["main"]
