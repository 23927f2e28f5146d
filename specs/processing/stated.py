"""How a model's inputs and texts are made: what a family states, in kinds named for what they compute.

An encoder needs a front end (of audio or images) or a tokenizer of its source texts, a decoder the tokenizer
of its target texts. A family states each as a section of a spec, whose fields are those of Hub files
(`preprocessor_config.json`, `tokenizer_config.json`), and translates it into a kind; `runtime` implements the
kinds and knows no family. Problems found here name addresses of a spec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from specs.problems import Problem

if TYPE_CHECKING:
    from specs.processing.files import ImportedSection
    from specs.processing.images import Image
    from specs.processing.tokenizers import TokenizerKind


class Section(BaseModel):
    """A part of a spec whose fields are named as in a Hub file. Nothing unknown, nothing coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


UtteranceNormalizer = Literal["mean", "deviation", "sample_variance"]
"""What is done to each mel bin over an utterance: subtract its mean; divide by its population deviation; make
its mean zero and its sample variance one."""


@dataclass(frozen=True, slots=True)
class FilterBank:
    """Log-mel energies of frames, normalised over the utterance. The frame geometry is in samples.

    Attributes:
        normalizers: what is done to each mel bin over the utterance, in order.
        stride: how many frames, one after another, are one vector of the input. It is valid where its last
            frame is; frames that do not fill one are followed by padding.
    """

    sampling_rate: int = 16000
    mel_bins: int = 80
    normalizers: tuple[UtteranceNormalizer, ...] = ("mean", "deviation")
    padding_value: float = 0.0
    stride: int = 1
    frame_length: int = 400
    frame_shift: int = 160
    fft_length: int = 512
    lowest_frequency: float = 20.0
    preemphasis: float = 0.97
    floor: float = 1.192092955078125e-07
    takes: ClassVar[str] = "audio"
    input_name: ClassVar[str] = "input_features"

    @property
    def width(self) -> int:
        """How wide a vector of the input is."""
        return self.mel_bins * self.stride

    def frames(self, samples: int) -> int:
        """How many frames that many samples give."""
        return max(0, 1 + (samples - self.frame_length) // self.frame_shift)

    def fewest_samples(self, vectors: int) -> int:
        """The shortest audio that gives that many valid vectors, at least one."""
        return self.frame_length + (vectors * self.stride - 1) * self.frame_shift

    def most_samples(self, vectors: int) -> int:
        """The longest audio that gives no more than that many vectors, at least one, valid or not."""
        return self.frame_length + vectors * self.stride * self.frame_shift - 1


@dataclass(frozen=True, slots=True)
class Waveform:
    """The samples themselves, normalised or not: alone and with a mask, or padded and without one."""

    sampling_rate: int = 16000
    normalize: bool = True
    with_mask: bool = False
    padding_value: float = 0.0
    frame_length: ClassVar[int] = 1
    takes: ClassVar[str] = "audio"
    input_name: ClassVar[str] = "input_values"

    def fewest_samples(self, samples: int) -> int:
        """The shortest audio that gives that many."""
        return samples

    def most_samples(self, samples: int) -> int:
        """The longest audio that gives no more than that many."""
        return samples


AudioFrontEnd = FilterBank | Waveform
FrontEnd: TypeAlias = "AudioFrontEnd | Image"
"""Every kind of front end."""

Files = Mapping[str, Mapping[str, Any]]
"""Hub files: name -> JSON contents."""

Kind_co = TypeVar("Kind_co", covariant=True)


def _nothing(_: Mapping[str, Any]) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Stated(Generic[Kind_co]):
    """How a family states its front end, or its tokenizer.

    Attributes:
        section: the fields of the section of a spec, with the defaults of the published class.
        files: Hub files that `read` looks at.
        read: address of the section, contents of those files that a checkpoint has -> the section they mean;
            None where they say nothing.
        kind: the section -> what the runtime makes.
        written: the section -> Hub files by which the public implementation makes the same.
        problems: the section, its address -> what its fields contradict each other in.
        fitting: config of a checkpoint without such files -> the fields of the section that suit it.
        free: fields in which a spec may differ from a checkpoint's files.
        follows: whether a spec that leaves the section out means the fields that suit its config.
    """

    section: type[Section]
    files: tuple[str, ...]
    read: Callable[[str, Mapping[str, bytes]], ImportedSection | None]
    kind: Callable[[Any], Kind_co]
    written: Callable[[Any], Files]
    problems: Callable[[Any, str], Iterable[Problem]] = lambda _, __: ()
    fitting: Callable[[Mapping[str, Any]], dict[str, Any]] = _nothing
    free: frozenset[str] = frozenset()
    follows: bool = False


@dataclass(frozen=True)
class Processing:
    """What the families of a spec state about its inputs and its texts.

    Attributes:
        front_end: makes the encoder's input of audio or images.
        source_tokenizer: makes the encoder's input of texts; a whole model has one tokenizer for both.
        tokenizer: of the decoder's texts.
        files: section (`processor`, `source_tokenizer`, `tokenizer`) -> Hub files to write, from which,
            together with the files of the tokenizer's kind, the public implementation makes the same.
    """

    front_end: FrontEnd | None = None
    source_tokenizer: TokenizerKind | None = None
    tokenizer: TokenizerKind | None = None
    files: Mapping[str, Files] = field(default_factory=dict)

    @property
    def takes(self) -> str | None:
        """What a person gives the model: `audio`, `text`, or whatever else its front end takes."""
        if self.front_end is not None:
            return self.front_end.takes
        return "text" if self.source_tokenizer is not None else None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is stated."""
        return self.front_end is None and self.source_tokenizer is None and self.tokenizer is None
