"""`python -m crossloom` is the command `crossloom`."""

from crossloom.cli import main

if __name__ == "__main__":
    main(prog_name="crossloom")
