"""Tables that host operations look ids and texts up in, as checkpoints keep them in generation_config.json.

They are no options: nobody chooses them, and they may be as long as the vocabulary. A family states which it
reads; what they hold comes from the checkpoint and goes back into one as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from specs.problems import Problem
from specs.values import written


@dataclass(frozen=True, slots=True)
class HostTable:
    """One table.

    Attributes:
        gives: `ids` of texts (languages, characters), or `texts` of ids, which JSON writes in digits.
        bound: the field of the config that says how many ids there are.
        method: the method of the model that nothing can be made for without the table.
    """

    gives: Literal["ids", "texts"]
    bound: str
    method: str

    def problems(self, name: str, table: Any, config: Mapping[str, Any]) -> Iterator[Problem]:
        """XL103 for what is no such table, XL402 for ids that are out of bounds; the first of each.

        `name` is the field of the file that has it.
        """
        if not isinstance(table, dict):
            yield _misfit(f"`{name}` is {written(table)}, and no table", name, self.gives)
            return
        ids = self._ids(table)
        unread = next((entry for entry, id_ in zip(table.items(), ids, strict=True) if id_ is None), None)
        if unread is not None:
            key, value = unread
            yield _misfit(f"`{name}` has an entry {written({key: value})}", name, self.gives)
        most = int(config[self.bound])
        largest = max((id_ for id_ in ids if id_ is not None), default=0)
        if largest >= most:
            yield Problem(
                "XL402",
                f"`{name}` has the id {largest}, and `{self.bound}` is {most}",
                ((name, f"ids up to {largest}"),),
                help="take the generation_config.json that belongs to this config.json",
            )

    def _ids(self, table: Mapping[str, Any]) -> list[int | None]:
        """The id of every entry; None for an entry that is not in the form."""
        if self.gives == "ids":
            return [value if type(value) is int and value >= 0 else None for value in table.values()]
        return [
            int(key) if _is_digits(key) and isinstance(text, str) else None for key, text in table.items()
        ]


def _is_digits(key: str) -> bool:
    return key.isascii() and key.isdigit()


def _misfit(message: str, name: str, gives: str) -> Problem:
    form = '{"text": 7}' if gives == "ids" else '{"7": "text"}'
    return Problem("XL103", message, ((name, f"gives {gives}"),), help=f"write its entries as in {form}")
