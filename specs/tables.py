"""Tables that host operations look ids and texts up in, as checkpoints keep them in generation_config.json.

They are no options: nobody chooses them, and they may be as long as the vocabulary. A family states which it
reads; what they hold comes from the checkpoint and goes back into one as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from specs.problems import Problem
from specs.values import written


class HostTable(NamedTuple):
    """One table.

    Attributes:
        gives: `ids` of texts (languages, characters), or `texts` of ids, which JSON writes in digits.
        bound: the field of the config that says how many ids there are.
        method: the method of the model that nothing can be made for without the table.
        is_distinct: whether no two entries have one id.
        token: how a tokenizer spells what an entry is of, where it has the same id for it.
    """

    gives: Literal["ids", "texts"]
    bound: str
    method: str
    is_distinct: bool = False
    token: str | None = None

    def problems(self, name: str, table: Any, config: Mapping[str, Any]) -> Iterator[Problem]:
        """XL103 for what is no such table, XL402 for ids that are out of bounds, XL403 for one that is given
        twice; the first of each.

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
                help=_OWN,
            )
        if self.is_distinct and unread is None:
            yield from _shared(name, table)

    def unlike(
        self, name: str, table: Mapping[str, int], ids: Mapping[str, int], whose: str
    ) -> Iterator[Problem]:
        """XL403 for the first entry whose token has another id, or none, among `ids` of `whose`."""
        if self.token is None:
            return
        for key, id_ in table.items():
            token = self.token.format(key)
            if ids.get(token) != id_:
                told = f"gives `{token}` the id {ids[token]}" if token in ids else f"has no `{token}`"
                yield Problem(
                    "XL403",
                    f"`{name}` has the id {id_} for `{key}`, and {whose} {told}",
                    ((name, f"`{key}` is {id_}"),),
                    info=("texts would be asked for in one language, and come in another",),
                    help=_OWN,
                )
                return

    def _ids(self, table: Mapping[str, Any]) -> list[int | None]:
        """The id of every entry; None for an entry that is not in the form."""
        if self.gives == "ids":
            return [value if type(value) is int and value >= 0 else None for value in table.values()]
        return [
            int(key) if _is_written(key) and isinstance(text, str) else None for key, text in table.items()
        ]


_OWN = "take the generation_config.json that belongs to this checkpoint"


def _is_written(key: str) -> bool:
    """Whether a key is a number as it is looked up: digits, and no zero before them."""
    return key.isascii() and key.isdigit() and key == str(int(key))


def _shared(name: str, table: Mapping[str, int]) -> Iterator[Problem]:
    owners: dict[int, str] = {}
    for key, id_ in table.items():
        if id_ in owners:
            message = f"`{name}` has the id {id_} for both `{owners[id_]}` and `{key}`"
            info = ("one of them would be taken for the other",)
            yield Problem("XL403", message, ((name, f"{id_} twice"),), info, _OWN)
            return
        owners[id_] = key


def _misfit(message: str, name: str, gives: str) -> Problem:
    form = '{"text": 7}' if gives == "ids" else '{"7": "text"}'
    return Problem("XL103", message, ((name, f"gives {gives}"),), help=f"write its entries as in {form}")
