"""Patterns of `fresh:` and `ignore:` say something about the model, or are refused."""

from __future__ import annotations

import pytest

from compiler.analysis import analyse
from compiler.diagnostics.model import Diagnostic
from compiler.reader import read_text

HEAD, EMBED = "head.weight", "decoder.embed.tokens.weight"


def found(sections: str, tied: bool = True) -> list[Diagnostic]:
    text = (
        "crossloom: 1\nname: one\n"
        f"model: {{family: speech_to_text, config: {{tie_word_embeddings: {str(tied).lower()}}}}}\n"
    )
    return analyse(read_text(text + sections, "spec.yaml")).diagnostics


@pytest.mark.parametrize("pattern", [HEAD, "head.*"])
def test_a_tied_parameter_cannot_start_untrained_alone(pattern: str) -> None:
    (finding,) = found(f"fresh: ['{pattern}']\n")
    assert finding.code == "XL518"
    assert finding.spans[0].line == 4
    assert finding.help == f"name `{EMBED}` to start both untrained, or untie them"


@pytest.mark.parametrize("patterns", [[EMBED], [EMBED, HEAD], ["*"], ["*.weight"]])
def test_a_tied_parameter_goes_with_the_one_it_is_tied_to(patterns: list[str]) -> None:
    assert found(f"fresh: {patterns}\n") == []


def test_an_untied_head_may_start_untrained() -> None:
    assert found(f"fresh: ['{HEAD}']\n", tied=False) == []


@pytest.mark.parametrize("pattern", ["*", "*.*", "?*", "[a-z]*", "**.*"])
@pytest.mark.parametrize("section", ["model", "config"])
def test_a_pattern_that_ignores_everything_is_refused(pattern: str, section: str) -> None:
    (finding,) = found(f"ignore: {{{section}: ['{pattern}']}}\n")
    assert finding.code == "XL518"
    assert finding.spans[0].line == 4


@pytest.mark.parametrize("pattern", ["model.encoder.*", "*.adapter.weight", "lm_head.weight"])
def test_a_pattern_that_names_a_module_is_accepted(pattern: str) -> None:
    assert found(f"ignore: {{model: ['{pattern}']}}\n") == []
