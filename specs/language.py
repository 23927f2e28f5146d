"""The spec file's schema. Nothing is coerced, unknown keys are errors at every level."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from specs.generation import GenerationOptions

VERSION = 1
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"

Id = Annotated[int, Field(ge=0)]
Patterns = list[Annotated[str, Field(min_length=1)]]


class Section(BaseModel):
    """Base of every part of the language."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class GraphInput(Section):
    """An input of a free graph."""

    role: Literal["waveform", "features", "image", "hidden", "mask", "token_ids", "units", "lengths"] = Field(
        description="what the tensor holds"
    )
    dims: list[int | str] = Field(description="sizes: whole numbers, names from `dims`, or free names")
    optional: bool = Field(False, description="whether callers may leave it out")


class GraphNode(Section):
    """A node of a free graph."""

    block: str = Field(description="kind of block, see `crossloom schema`")
    with_: dict[str, Any] = Field({}, alias="with", description="hyper-parameters")
    inputs: dict[str, str] = Field({}, description="port of the block: graph input, or `node.port`")


class FreeGraph(Section):
    """A model written as blocks and their connections."""

    inputs: dict[str, GraphInput] = Field(description="inputs, named as on the Hub")
    nodes: dict[str, GraphNode] = Field(description="blocks, by the name that becomes their address")
    outputs: dict[str, str] = Field(description="what leaves the model: name: `node.port`")
    ties: dict[str, str] = Field({}, description="parameter address: the address it shares its tensor with")


class Rows(Section):
    """Which rows a vocabulary takes of a checkpoint that has another one; the rest of it starts fresh."""

    stored: Annotated[int, Field(ge=1)] = Field(description="how many ids the checkpoint's vocabulary has")
    take: list[Id | None] | None = Field(
        None,
        description="for every id, the id of the checkpoint whose row it takes, or null to start fresh; left "
        "out, every id that both have takes its own",
    )


class Component(Section):
    """A published family with its configuration."""

    family: str = Field(description="model family, the `model_type` of its config.json")
    architecture: str | None = Field(None, description="published class, where the family has several")
    weights: str | None = Field(
        None, description="checkpoint: a folder (begins with / ./ ../ ~) or a repository `org/name@revision`"
    )
    config: dict[str, Any] = Field({}, description="fields as in the family's Hub config.json")
    rows: Rows | None = Field(None, description="rows to take from a checkpoint of another vocabulary")


class Half(Section):
    """An encoder or a decoder: a published family with its configuration, or a graph of blocks."""

    family: str | None = Field(None, description="model family, the `model_type` of its config.json")
    architecture: str | None = Field(None, description="published class, where the family has several")
    graph: FreeGraph | None = Field(None, description="blocks of this half, in place of a family")
    weights: str | None = Field(
        None, description="checkpoint: a folder (begins with / ./ ../ ~) or a repository `org/name@revision`"
    )
    config: dict[str, Any] = Field({}, description="fields as in the family's Hub config.json")
    rows: Rows | None = Field(None, description="rows to take from a checkpoint of another vocabulary")


class BridgeBlock(Section):
    """A bridge written out."""

    block: Literal["linear", "mlp", "conv_downsample", "resampler"] = Field(description="kind of bridge")
    with_: dict[str, Any] = Field({}, alias="with", description="its hyper-parameters")


class Tokens(Section):
    """Ids the pair needs, where they do not follow from the decoder's config."""

    decoder_start: Id | None = Field(None, description="id decoding starts from, and labels are shifted with")
    pad: Id | None = Field(None, description="id of padding")
    bos: Id | None = Field(None, description="id of the beginning of a sentence")
    eos: Id | list[Id] | None = Field(None, description="id, or ids, that end a sentence")


class Ignore(Section):
    """What is stored in a checkpoint and not used here: full paths, `*` for any part."""

    model: Patterns = Field([], description="tensors of the model's checkpoint")
    encoder: Patterns = Field([], description="tensors of the encoder's checkpoint")
    decoder: Patterns = Field([], description="tensors of the decoder's checkpoint")
    config: Patterns = Field([], description="fields of config.json")


class SpecFile(Section):
    """A crossloom spec."""

    crossloom: Literal[1] = Field(description="version of the language")
    name: str = Field(pattern=NAME_PATTERN, max_length=128, description="name of the model; never inherited")
    extends: str | None = Field(None, description="spec to start from: a path, or a catalogue name")
    model: Component | None = Field(None, description="a published encoder-decoder model")
    encoder: Half | None = Field(None, description="encoder of a new combination, or a lone encoder")
    decoder: Half | None = Field(None, description="decoder of a new combination, or a lone decoder")
    bridge: Literal["auto", "none"] | BridgeBlock | None = Field(
        None,
        description="what joins encoder and decoder widths; a kind of bridge is written `{block: mlp}`",
    )
    graph: FreeGraph | None = Field(None, description="a free graph of blocks")
    weights: str | None = Field(
        None,
        description="checkpoint of a whole that is put together, its tensors named by their addresses: "
        "a folder or repository as `train` and `export` write it",
    )
    dims: dict[str, Annotated[int, Field(ge=1)]] = Field({}, description="named sizes of the free graphs")
    tokens: Tokens | None = Field(None, description="start, pad, beginning and end ids")
    fresh: Patterns = Field([], description="parameters that start untrained, said out loud")
    ignore: Ignore = Field(
        default_factory=Ignore, description="what a checkpoint stores and this model does not use"
    )
    long_input: Literal["error", "grow", "chunk"] = Field(
        "error", description="input beyond the positions: refuse, grow the positions, or split at silence"
    )
    generation: GenerationOptions | None = Field(None, description="options of `generate`")
    processor: dict[str, Any] | None = Field(
        None, description="front end, fields of preprocessor_config.json"
    )
    source_tokenizer: dict[str, Any] | None = Field(
        None, description="tokenizer of an encoder's texts, fields of tokenizer_config.json"
    )
    tokenizer: dict[str, Any] | None = Field(
        None,
        description="tokenizer of a decoder's texts, and of both sides of a whole model, fields of "
        "tokenizer_config.json",
    )
