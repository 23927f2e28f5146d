"""Kinds of repositories that cannot be mapped, refused by name before their weights are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compiler.checkpoint.findings import error, near, quoted
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import Diagnostic

_OTHER_FRAMEWORKS = {"tf_model.h5": "TensorFlow", "flax_model.msgpack": "Flax", "model.onnx": "ONNX"}


def refuse_configuration(source: Source, config: Mapping[str, Any]) -> list[Diagnostic]:
    """XL513 for a config.json that asks for quantised weights or for code of the repository's own."""
    findings = []
    for address, part in _parts(config):
        if quantization := part.get("quantization_config"):
            method = quantization.get("quant_method") if isinstance(quantization, Mapping) else None
            named = f" ({method})" if method else ""
            findings.append(
                error(
                    "XL513",
                    f"`{source}` holds quantised weights",
                    info=[f"config.json has `{address}quantization_config`{named}"],
                    help="use the repository it was quantised from",
                )
            )
        if part.get("auto_map"):
            findings.append(
                error(
                    "XL513",
                    f"`{source}` is defined by Python code of its own, which crossloom does not run",
                    info=[f"config.json has `{address}auto_map`"],
                    help="use a repository of a published architecture, or describe the model as a `graph:`",
                )
            )
    return findings


def no_weights(source: Source, wanted: tuple[str, ...]) -> Diagnostic:
    """Why a source without any of the `wanted` weight files cannot be used: XL513 where its kind is known."""
    files = source.files()
    if "adapter_config.json" in files:
        return error(
            "XL513",
            f"`{source}` holds an adapter only, not the model it adapts",
            info=["it has adapter_config.json and no base weights"],
            help="merge the adapter into its base model and save the result",
        )
    if gguf := [name for name in files if name.endswith(".gguf")]:
        return error(
            "XL513",
            f"`{source}` holds GGUF files only",
            info=[f"it has {quoted(gguf)}"],
            help="use the repository they were converted from",
        )
    for name, framework in _OTHER_FRAMEWORKS.items():
        if name in files:
            return error(
                "XL514",
                f"`{source}` holds {framework} weights only",
                info=[f"it has `{name}`; crossloom reads {quoted(wanted)}"],
                help="convert it with transformers and save it as safetensors",
            )
    return error(
        "XL514",
        f"`{source}` holds no weights",
        info=[
            f"crossloom reads {', '.join(f'`{name}`' for name in wanted)}",
            f"it has {quoted(files) or 'no files'}",
        ],
        help=near(wanted[0], files),
    )


def _parts(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The configuration and those of the models it is composed of, with their addresses."""
    yield "", config
    for key, value in config.items():
        if isinstance(value, Mapping) and "model_type" in value:
            yield f"{key}.", value
