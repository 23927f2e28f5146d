"""The examples of the explanation pages, as data for tests."""

import re
from dataclasses import dataclass
from pathlib import Path

EXPLANATIONS = Path(__file__).parents[2] / "compiler" / "diagnostics" / "explanations"
_FENCE = re.compile(r"^```yaml (error|ok)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A complete spec from the page on `code`: one that has exactly this finding, or none at all."""

    code: str
    is_error: bool
    text: str

    @property
    def expected(self) -> list[str]:
        return [self.code] if self.is_error else []

    def __str__(self) -> str:
        return f"{self.code}-{'error' if self.is_error else 'ok'}"


def examples() -> list[Example]:
    """Every `yaml error` and `yaml ok` example of every page."""
    return [
        Example(page.stem, kind == "error", text)
        for page in sorted(EXPLANATIONS.glob("*.md"))
        for kind, text in _FENCE.findall(page.read_text("utf-8"))
    ]
