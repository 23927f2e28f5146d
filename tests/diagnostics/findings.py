"""Findings that the tests of all renderers share."""

from compiler.diagnostics import Diagnostic, Edit, Fix, Severity, Span

COMBO = """\
crossloom: 1
name: combo
encoder:
  family: wav2vec2
  config: {hidden_size: 1024}
decoder:
  family: bert
  weights: google-bert/bert-large-uncased
  config: {hidden_size: 1024, cross_attention_hidden_size: 768}
"""

WIDTHS = Diagnostic(
    "XL301",
    Severity.ERROR,
    "cross-attention source width does not match the encoder output",
    (
        Span("combo.yaml", 9, 60, 9, 63, "`decoder` attends to width 768"),
        Span("combo.yaml", 5, 25, 5, 29, "`encoder` ends at width 1024"),
    ),
    help="remove `cross_attention_hidden_size` to let `bridge: auto` insert a projection, or set it to 1024",
)

UNKNOWN = Diagnostic(
    "XL101",
    Severity.WARNING,
    "unknown key `famly`",
    (Span("combo.yaml", 4, 3, 4, 9, "not a key here"),),
    info=("a key nobody reads does nothing",),
    help="did you mean `family`?",
    fix=Fix("rename `famly` to `family`", (Edit(Span("combo.yaml", 4, 3, 4, 9), "family"),)),
)

ABSENT = Diagnostic("XL117", Severity.ERROR, "cannot open `speach.yaml`: No such file or directory")
