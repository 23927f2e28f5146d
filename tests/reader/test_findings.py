"""Each mistake gives its code at its place, and everything else is still read."""

from pathlib import Path

import pytest
import yaml

from compiler.diagnostics.model import Diagnostic
from compiler.reader import Document, read, read_bytes, read_text


def places(finding: Diagnostic) -> list[tuple[int, int]]:
    return [(span.line, span.column) for span in finding.spans]


def only(document: Document, code: str) -> Diagnostic:
    assert [finding.code for finding in document.diagnostics] == [code]
    finding = document.diagnostics[0]
    assert finding.help
    return finding


def test_duplicate_keys_name_both_places() -> None:
    document = read_text("a: 1\nb: {c: 1, 'c': 2}\na: 3\na: 4\n", "x")
    assert [(found.code, *places(found)) for found in document.diagnostics] == [
        ("XL102", (2, 11), (2, 5)),
        ("XL102", (3, 1), (1, 1)),
        ("XL102", (4, 1), (1, 1)),
    ]
    assert document.data == {"a": 1, "b": {"c": 1}}
    assert document.poisoned == {("a",), ("b", "c")}


def test_what_lies_below_a_poisoned_value_is_poisoned() -> None:
    document = read_text("a: !x {b: 1}\nc: 1\n", "x")
    assert document.is_poisoned(("a",))
    assert document.is_poisoned(("a", "b"))
    assert not document.is_poisoned(("c",))
    assert not document.is_poisoned(())


@pytest.mark.parametrize("key", ["1", "1.5", "true", "null", "~", "[a]", "{a: b}", "!!int 3"])
def test_keys_are_strings(key: str) -> None:
    document = read_text(f"a: 1\n{key} : x\nb: 2\n", "x")
    assert places(only(document, "XL103"))[0][0] == 2
    assert document.data == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("key", "code"), [("!x 1", "XL108"), ("!x {a: b}", "XL108"), ("9" * 20, "XL104"), ("*k", "XL106")]
)
def test_a_bad_key_is_one_finding(key: str, code: str) -> None:
    document = read_text(f"a: 1\n{key} : x\nb: 2\n", "x")
    only(document, code)
    assert document.data == {"a": 1, "b": 2}


def test_merge_key_points_to_extends_and_is_merged_all_the_same() -> None:
    document = read_text("a: &a {x: 1, y: 2}\nb: &b {z: 3}\nc:\n  <<: [*a, *b]\n  x: 4\nd: {<<: *b}\n", "x")
    assert [(found.code, *places(found)) for found in document.diagnostics] == [
        ("XL101", (4, 3)),
        ("XL101", (6, 5)),
    ]
    assert "`extends:`" in str(document.diagnostics[0].help)
    assert document.data["c"] == {"x": 4, "y": 2, "z": 3}
    assert document.data["d"] == {"z": 3}


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system [ls]",
        "!thing {b: 1}",
        "!!set {a, b}",
        "!!binary aGk=",
        "!!timestamp 2001-01-01",
    ],
)
def test_tags_that_construct_are_refused(value: str) -> None:
    document = read_text(f"a: {value}\nb: 2\n", "x")
    finding = only(document, "XL108")
    assert places(finding) == [(1, 4)]
    assert value.split(maxsplit=1)[0] in finding.message
    assert document.poisoned == {("a",)}
    assert document.data["b"] == 2


@pytest.mark.parametrize("value", ["!!int x", "!!int '2.5'", "!!float 1", "!!bool yes", "!!null 0"])
def test_tags_do_not_coerce(value: str) -> None:
    document = read_text(f"a: {value}", "x")
    assert places(only(document, "XL103")) == [(1, 4)]
    assert document.poisoned == {("a",)}


@pytest.mark.parametrize("value", [str(2**63), "0x" + "f" * 17, "9" * 5000, "-1e999", "!!int " + "9" * 80])
def test_numbers_beyond_64_bits(value: str) -> None:
    document = read_text(f"a: {value}\nb: 2", "x")
    assert places(only(document, "XL104")) == [(1, 4)]
    assert document.data == {"a": None, "b": 2}
    assert document.poisoned == {("a",)}


def test_exploding_aliases() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 500)]
    document = read_text("\n".join(lines), "x")
    assert places(only(document, "XL107")) == [(5, 10), (4, 5)]
    assert len(document.values) < 30_000
    assert ("a4", 0) in document.poisoned


def test_aliases_that_deepen_are_bounded() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 1000)]
    finding = only(read_text("\n".join(lines), "x"), "XL106")
    assert "nested" in finding.message


def test_small_honest_aliases() -> None:
    lines = [
        "base: &base {width: 64, kernels: [3, 3]}",
        "name: &name s",
        *(f"layer{i}: *base" for i in range(200)),
        "n: *name",
    ]
    document = read_text("\n".join(lines), "x")
    assert document.diagnostics == []
    assert document.data["layer199"] == {"width": 64, "kernels": [3, 3]}
    assert document.data["n"] == "s"


@pytest.mark.parametrize("text", ["a: &x [1, *x]\nb: 2", "a: &x {y: {z: *x}}\nb: 2"])
def test_recursive_alias(text: str) -> None:
    document = read_text(text, "x")
    assert places(only(document, "XL107"))[1] == (1, 4)
    assert document.data["b"] == 2


def test_unknown_alias() -> None:
    document = read_text("a: *b\nb: &b 1\nc: *b", "x")
    assert places(only(document, "XL106")) == [(1, 4)]
    assert document.data == {"a": None, "b": 1, "c": 1}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
@pytest.mark.parametrize("depth", [65, 100_000])
def test_deep_nesting(opening: str, depth: int) -> None:
    document = read_text(opening * depth, "x")
    assert document.data is None
    assert "nested" in only(document, "XL106").message


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: b: c", (1, 5), "second `:`"),
        ("a: b\n c: d", (2, 3), "second `:`"),
        ("a: [1,\n", (1, 4), "never closed"),
        ("x: 1\na: {b: [1, 2],", (2, 4), "never closed"),
        ("a:\n\t- b", (2, 1), "tab"),
        ("a:\n  b: 1\n\tc: 2", (3, 1), "tab"),
        ("a: 'x\n", (1, 4), "never closed"),
        ("a: @x", (1, 4), "begins with this character"),
        ("{a: 1 b: 2}", (1, 8), "comma"),
        ("a: 1\nb\nc: 2", (2, 1), "without `:`"),
        ("- a\nb: c", (2, 1), "not part of the list"),
        ("key: [a]]", (1, 9), "fits"),
        ('"\\UFFFFFFFF"', (1, 4), "Unicode"),
        ("%YAML 9.9\n---\na", (1, 1), "incompatible"),
    ],
)
def test_syntax_errors(text: str, place: tuple[int, int], words: str) -> None:
    document = read_text(text, "x")
    finding = only(document, "XL106")
    assert words in finding.message
    assert places(finding)[0] == place
    assert document.data is None


def test_a_missing_bracket_shows_the_open_one() -> None:
    finding = only(read_text("a: 1\nb: {c: [1, 2], d: 3\ne: 4\n", "x"), "XL106")
    assert places(finding) == [(3, 2), (2, 4)]


def test_findings_before_a_syntax_error_are_kept() -> None:
    document = read_text("m: {a: 1, a: 2}\nb: !x 1\nc: @", "x")
    assert [finding.code for finding in document.diagnostics] == ["XL102", "XL108", "XL106"]


def test_findings_are_in_the_order_of_the_text() -> None:
    """The repeated key is noticed where its map ends, after what lies below it."""
    document = read_text("a: 1\na: 2\nb: !x 1", "x")
    assert [finding.code for finding in document.diagnostics] == ["XL102", "XL108"]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~", "---\nnull\n...\n"])
def test_nothing_inside(text: str) -> None:
    document = read_text(text, "x")
    assert document.data is None
    assert places(only(document, "XL106")) == [(1, 1)]


def test_several_documents() -> None:
    document = read_text("a: 1\n---\nb: 2\n---\nc: 3\n", "x")
    assert places(only(document, "XL106")) == [(2, 1)]
    assert document.data == {"a": 1}


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        (b"# fine\nb: caf\xe9\nc: 2\n", (2, 7), "not UTF-8"),
        ("# é\nb: x\0y\nc: 2\n".encode(), (2, 5), "U+0000"),
        ("b: 'é\u2028'\nc: 2\n".encode(), (1, 6), "U+2028"),
        (b"b: \x1b[31m\nc: 2", (1, 4), "U+001B"),
    ],
)
def test_unreadable_characters_poison_their_value_only(
    data: bytes, place: tuple[int, int], words: str
) -> None:
    document = read_bytes(data, "x")
    finding = only(document, "XL106")
    assert words in finding.message
    assert places(finding) == [place]
    assert document.data["c"] == 2
    assert document.poisoned == {("b",)}


def test_a_syntax_error_beside_unreadable_bytes_is_not_reported_twice() -> None:
    only(read_bytes(b"a: [\xff\x00: ]]", "x"), "XL106")


@pytest.mark.parametrize("text", ['a: "x\\0"', 'a: "\\x00"'])
def test_escapes_for_what_no_text_may_hold(text: str) -> None:
    assert places(only(read_text(text, "x"), "XL106")) == [(1, 4)]


@pytest.mark.parametrize("escape", ["\\ud800", "\\UFFFFFFFF"])
@pytest.mark.parametrize("parser", ["CBaseLoader", "BaseLoader"])
def test_escapes_for_no_character(escape: str, parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """libyaml refuses them; PyYAML's own parser lets one through and fails on the other."""
    monkeypatch.setattr("compiler.reader.composer.LOADER", getattr(yaml, parser))
    only(read_text(f'a: "{escape}"', "x"), "XL106")


def test_utf_16() -> None:
    assert "UTF-16" in only(read_bytes("a: 1".encode("utf-16"), "x"), "XL106").message


def test_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    document = read(tmp_path / "a.yaml")
    assert (document.file, document.data) == (str(tmp_path / "a.yaml"), {"a": 1})
    assert document.text == "a: 1\r\n"
    assert "No such file" in only(read(tmp_path / "b.yaml"), "XL117").message
    only(read(tmp_path), "XL117")
    only(read("a\0b"), "XL117")
    (tmp_path / "large.yaml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    assert "larger" in only(read(tmp_path / "large.yaml"), "XL106").message
