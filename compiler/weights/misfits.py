"""Stored tensors that their rows cannot use: of another shape, or of no dtype that fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from compiler.checkpoint.checkpoint import StoredTensor
from compiler.diagnostics.model import Diagnostic, Severity, Span
from compiler.weights.folding import counted, folded, folded_pairs
from compiler.weights.table import TableRow
from specs.weights import Dialect

FLOATING = ("float32", "float16", "bfloat16", "float64")
WHOLE = ("int64", "int32")
_KINDS = {FLOATING: "a parameter", WHOLE: "a table of numbers of rows"}


class Misfits:
    """Collects them while rows are matched with tensors, and tells them once all are."""

    def __init__(self, stored: Mapping[str, StoredTensor], dialect: Dialect) -> None:
        self._stored = stored
        self._dialect = dialect
        self._misshapen: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._mistyped: dict[tuple[str, tuple[str, ...]], list[str]] = {}

    def check(self, row: TableRow, names: tuple[str, ...]) -> None:
        """A row's tensors, against the shapes that its operation takes."""
        shapes = self._dialect.operation(row).stored_shapes(row.stored_shape)
        for name, shape in zip(names, shapes, strict=True):
            tensor = self._stored[name]
            if tensor.shape != shape or tensor.dtype not in FLOATING:
                self._note(tensor, tensor.shape == shape, row.address, "needs", shape)

    def check_computed(self, row: TableRow, tensor: StoredTensor) -> None:
        """A stored copy of a computed table may have another number of rows, and has at least one.

        One of whole numbers is of one size.
        """
        is_whole = row.dtype in WHOLE
        longer = tensor.shape[:1] if len(row.shape) > 1 and not is_whole else row.shape[:1]
        fits = bool(tensor.size) and tensor.shape == (*longer, *row.shape[1:])
        dtypes = WHOLE if is_whole else FLOATING
        self._note(tensor, fits, row.address, "is computed as", row.shape, dtypes)

    def _note(
        self,
        tensor: StoredTensor,
        fits: bool,
        address: str,
        verb: str,
        shape: tuple[int, ...],
        dtypes: tuple[str, ...] = FLOATING,
    ) -> None:
        if not fits:
            shapes = str(list(tensor.shape)), f"{verb} {list(shape)}"
            self._misshapen.setdefault(shapes, []).append((tensor.name, address))
        elif tensor.dtype not in dtypes:
            self._mistyped.setdefault((tensor.dtype, dtypes), []).append(tensor.name)

    def findings(self, spans: tuple[Span, ...]) -> Iterator[Diagnostic]:
        """XL503 and XL517; those of many layers are one finding."""
        for (shape, wanted), pairs in self._misshapen.items():
            for name, address, count in folded_pairs(pairs):
                yield Diagnostic(
                    "XL503",
                    Severity.ERROR,
                    f"`{name}` is stored as {shape}; `{address}` {wanted}{counted(count)}",
                    spans,
                    (self._files(one for one, _ in pairs), "a tensor is neither cut nor repeated to fit"),
                    "correct the sizes in `config:`, or give the checkpoint they belong to",
                )
        for (dtype, dtypes), names in self._mistyped.items():
            for name, count in folded(names).items():
                yield Diagnostic(
                    "XL517",
                    Severity.ERROR,
                    f"`{name}` is stored as {dtype}, which is no dtype of {_KINDS[dtypes]}{counted(count)}",
                    spans,
                    (self._files(names), f"{_KINDS[dtypes]} is {', '.join(dtypes)}"),
                    "save it as one of these, where it was trained",
                )

    def _files(self, names: Iterable[str]) -> str:
        """Where stored tensors are."""
        return f"in {', '.join(dict.fromkeys(self._stored[name].file for name in names))}"
