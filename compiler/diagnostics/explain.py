"""What each code means: one Markdown page a code, in `explanations/`."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import fill

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.diagnostics.near import near


def explain(code: str) -> str:
    """The page on `code` (any case). Raises `CrossloomError` (XL112) for a code that does not exist."""
    page = _folder() / f"{code.upper()}.md"
    if not (code.isalnum() and page.is_file()):
        found = _nearest(code)
        help = f"did you mean {' or '.join(found)}?" if found else "`crossloom explain` lists the codes"
        raise CrossloomError(
            [Diagnostic("XL112", Severity.ERROR, f"`{code}` is not a diagnostic code", help=help)]
        )
    return page.read_text("utf-8")


def fitted(page: str, width: int | None) -> str:
    """A page with its prose wrapped to `width`; headings and examples stay as they are."""
    if width is None:
        return page
    parts, in_example = [], False
    for part in page.rstrip("\n").split("\n\n"):
        is_prose = not in_example and "```" not in part and not part.startswith("#")
        in_example ^= part.count("```") % 2 == 1
        parts.append(
            fill(" ".join(part.split()), width, break_long_words=False, break_on_hyphens=False)
            if is_prose
            else part
        )
    return "\n\n".join(parts) + "\n"


def title(code: str) -> str:
    """What `code` means in one line: the heading of its page without the code."""
    heading = explain(code).partition("\n")[0]
    return heading.removeprefix(f"# {code.upper()}: ")


def codes() -> list[str]:
    """Every code, in order."""
    return sorted(page.name.removesuffix(".md") for page in _folder().iterdir() if page.name.endswith(".md"))


def reference() -> str:
    """All pages as one document: docs/diagnostics.md."""
    lines = [
        "# Diagnostics",
        "",
        "Every finding has a code. `crossloom explain CODE` prints its page; this document is all of them.",
        "It is what `python -m compiler.diagnostics.reference` prints, and a test compares the two.",
        "",
    ]
    lines += [f"- [{code}](#{code.lower()}): {title(code)}" for code in codes()]
    for code in codes():
        body = explain(code).partition("\n")[2].replace("\n## ", "\n### ")
        lines += ["", f'<a id="{code.lower()}"></a>', f"## {code}: {title(code)}", body.rstrip()]
    return "\n".join(lines) + "\n"


def _nearest(code: str) -> list[str]:
    """The codes around a number, those of its hundred first, or those spelt like `code`."""
    if not (number := re.fullmatch(r"(?:XL)?(\d{3})", code, re.IGNORECASE)):
        return near(code, codes())
    wanted = int(number[1])

    def distance(one: str) -> tuple[bool, int]:
        return int(one[2:]) // 100 != wanted // 100, abs(int(one[2:]) - wanted)

    return sorted(codes(), key=distance)[:3]


def _folder() -> Path:
    return Path(__file__).parent / "explanations"
