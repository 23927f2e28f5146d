"""Write docs/diagnostics.md: `python -m compiler.diagnostics.reference > docs/diagnostics.md`."""

from compiler.diagnostics.explain import reference

if __name__ == "__main__":
    print(reference(), end="")
