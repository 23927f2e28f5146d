"""What programs read: JSON, GitHub's workflow commands, SARIF."""

import json
from pathlib import Path
from typing import Any

import pytest

from compiler.diagnostics import Diagnostic, Severity, Span, render
from tests.diagnostics.findings import ABSENT, COMBO, UNKNOWN, WIDTHS

SOURCES = {"combo.yaml": COMBO}
FINDINGS = [WIDTHS, UNKNOWN, ABSENT]


def test_json() -> None:
    document = json.loads(render(FINDINGS, "json", SOURCES))
    assert document["summary"] == {"error": 2, "warning": 1, "info": 0}
    assert document["diagnostics"] == [UNKNOWN.to_dict(), WIDTHS.to_dict(), ABSENT.to_dict()]
    assert json.loads(render([], "json")) == {
        "diagnostics": [],
        "summary": {"error": 0, "warning": 0, "info": 0},
    }


def test_github() -> None:
    lines = render(FINDINGS, "github", SOURCES).splitlines()
    assert lines == [
        "::warning title=crossloom XL101,file=combo.yaml,line=4,endLine=4,col=3,endColumn=9::"
        "unknown key `famly`%0Anot a key here%0Anote: a key nobody reads does nothing%0A"
        "help: did you mean `family`?",
        "::error title=crossloom XL301,file=combo.yaml,line=9,endLine=9,col=60,endColumn=63::"
        "cross-attention source width does not match the encoder output%0A`decoder` attends to width 768%0A"
        "combo.yaml:5:25: `encoder` ends at width 1024%0A"
        "help: remove `cross_attention_hidden_size` to let `bridge: auto` insert a projection, "
        "or set it to 1024",
        "::error title=crossloom XL117::cannot open `speach.yaml`: No such file or directory",
    ]


def test_github_commands_cannot_be_broken_out_of() -> None:
    finding = Diagnostic(
        "XL101", Severity.INFO, "100%\r\n::error::x\x1b[0m", (Span("a,b:c\n%.yaml", 1, 1, 2, 3),)
    )
    text = render([finding], "github")
    assert text.count("\n") == 1
    assert text.startswith(
        "::notice title=crossloom XL101,file=a%2Cb%3Ac%0A%25.yaml,line=1,endLine=2::100%25"
    )
    assert "\x1b" not in text


def sarif(findings: list[Diagnostic], sources: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render(findings, "sarif", sources))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    assert len(document["runs"]) == 1
    run: dict[str, Any] = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "crossloom"
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
        for location in result.get("locations", []) + result.get("relatedLocations", []):
            region = location["physicalLocation"]["region"]
            assert min(region.values()) >= 1
            assert region["endLine"] >= region["startLine"]
            assert not location["physicalLocation"]["artifactLocation"]["uri"].startswith("/")
    return run


def test_sarif() -> None:
    run = sarif(FINDINGS, SOURCES)
    assert run["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["XL101", "XL117", "XL301"]
    assert run["tool"]["driver"]["rules"][0]["shortDescription"] == {"text": "unknown key"}
    unknown, widths, absent = run["results"]
    assert unknown["level"] == "warning"
    assert widths["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "combo.yaml"},
                "region": {"startLine": 9, "startColumn": 60, "endLine": 9, "endColumn": 63},
            },
            "message": {"text": "`decoder` attends to width 768"},
        }
    ]
    assert widths["relatedLocations"][0]["id"] == 1
    assert widths["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 5
    assert unknown["fixes"] == [
        {
            "description": {"text": "rename `famly` to `family`"},
            "artifactChanges": [
                {
                    "artifactLocation": {"uri": "combo.yaml"},
                    "replacements": [
                        {
                            "deletedRegion": {"startLine": 4, "startColumn": 3, "endLine": 4, "endColumn": 9},
                            "insertedContent": {"text": "family"},
                        }
                    ],
                }
            ],
        }
    ]
    assert "locations" not in absent


def test_sarif_without_findings() -> None:
    assert sarif([], {})["results"] == []


def test_sarif_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = [f"{tmp_path}/a b/é.yaml", "x/y.yaml", "/elsewhere/z.yaml", "<stdin>"]
    findings = [Diagnostic("XL104", Severity.ERROR, "m", (Span(file, 0, 0, 0, 0),)) for file in files]
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in sarif(findings, {})["results"]
    ]
    assert uris == ["a%20b/%C3%A9.yaml", "x/y.yaml", "file:///elsewhere/z.yaml", "%3Cstdin%3E"]


def fingerprints(findings: list[Diagnostic], text: str) -> list[str]:
    results = sarif(findings, {"a.yaml": text})["results"]
    return [result["partialFingerprints"]["crossloom/v1"] for result in results]


def test_sarif_fingerprints_survive_insertions_above() -> None:
    def at(line: int, message: str = "m") -> Diagnostic:
        return Diagnostic("XL104", Severity.ERROR, message, (Span("a.yaml", line, 1, line, 2),))

    before = fingerprints([at(1), at(2), at(2, "n")], "a: 0\nb: 0\n")
    after = fingerprints([at(3), at(4), at(4, "n")], "# new\n\na: 0\n  b: 0\n")
    assert before == after
    assert len(set(before)) == 3
