from __future__ import annotations

from typing import Any

import pytest

from compiler.diagnostics.model import CrossloomError
from runtime.training.options import parse_options


@pytest.mark.parametrize(
    ("option", "code", "words"),
    [
        ({"learning_rat": 0.1}, "XL101", "did you mean `learning_rate`?"),
        ({"zzz": 0.1}, "XL101", "the options are epochs"),
        ({"spec_augment": {"bin_mask": 1}}, "XL101", "did you mean `bin_masks`?"),
        ({"epochs": 2.5}, "XL103", "`epochs` is 2.5"),
        ({"batch_size": "8"}, "XL103", "`batch_size` is '8'"),
        ({"batch_size": True}, "XL103", "`batch_size` is True"),
        ({"freeze": "encoder.*"}, "XL103", "`freeze`"),
        ({"batch_size": 0}, "XL104", "greater than or equal to 1"),
        ({"learning_rate": 0.0}, "XL104", "greater than 0"),
        ({"label_smoothing": 1.0}, "XL104", "less than 1"),
        ({"learning_rate": float("nan")}, "XL104", "finite"),
        ({"schedule": "cosine"}, "XL112", "'linear', 'inverse_sqrt' or 'constant'"),
        ({"epochs": 1, "max_steps": 2}, "XL114", "`epochs` and `max_steps`"),
        ({"resume": True}, "XL114", "`resume` needs a folder"),
        ({"checkpoint_steps": 5}, "XL114", "`checkpoint_steps` needs a folder"),
    ],
)
def test_a_bad_option_is_one_finding(option: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(CrossloomError) as raised:
        parse_options(option)
    (finding,) = raised.value.diagnostics
    assert finding.code == code
    assert words in f"{finding.message} {finding.help}"


def test_all_bad_options_are_told_at_once() -> None:
    with pytest.raises(CrossloomError) as raised:
        parse_options({"epoch": 1, "batch_size": 0})
    assert {finding.code for finding in raised.value.diagnostics} == {"XL101", "XL104"}
