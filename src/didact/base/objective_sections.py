"""The recipe's `objective`: what is learnt from which token, and the noise of each way to pre-train."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from didact.base.auto_section import AutoWeight as AutoWeight
from didact.base.config import Section

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
AtLeast0 = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]

ARCHITECTURES: dict[str, tuple[str, ...]] = {
    "causal": ("llama", "gpt2"),
    "prefix": ("llama", "gpt2"),
    "span_corruption": ("t5", "bart"),
    "ul2": ("t5", "bart"),
    "bart": ("bart", "t5"),
    "seq2seq": ("t5", "bart"),
    "masked": ("bert",),
}
"""Objective to the architectures that it trains, the usual one first."""


class Ul2Noise(Section):
    """Settings of `objective.kind: ul2`: a mixture of seven denoisers, each as often as the others (arXiv 2205.05131)."""

    mode_tokens: bool = True
    """True: the control token of its family, `<|r|>`, `<|s|>` or `<|x|>`, begins each input."""


class BartNoise(Section):
    """Settings of `objective.kind: bart`: what is done to a text, in this order (arXiv 1910.13461). The target is the text itself."""

    permute_sentences: Share = 1.0
    """Share of the sentences that change places with one another."""
    mask: Share = 0.3
    """Share of the words that are masked."""
    poisson: Positive | None = 3.0
    """Mean number of words in a masked span, which becomes one mask token; null: every masked word becomes one of its own."""
    delete: Share = 0.0
    """Share of the tokens that are left out without a trace, masks never."""
    insert: Share = 0.0
    """Mask tokens put in between, as a share of the tokens."""
    rotate: Share = 0.0
    """Share of the texts that are turned to begin at another token."""


class MaskedNoise(Section):
    """Settings of `objective.kind: masked` (BERT, arXiv 1810.04805)."""

    mask: Share = 0.15
    """Share of the tokens that have to be told; one at least."""
    replace: tuple[Share, Share, Share] = (0.8, 0.1, 0.1)
    """Of those, the shares that become the mask token, a random token, or stay as they are."""
    whole_word: bool = False
    """True: all tokens of a word are chosen together."""
    next_sentence: bool = True
    """True: rows are two texts, and the model tells whether the second follows the first; False: rows are one text."""
    short: Share = 0.1
    """Share of the rows of two texts that are cut to a length drawn at random."""

    @model_validator(mode="after")
    def _replace_is_whole(self) -> "MaskedNoise":
        if abs(sum(self.replace) - 1) > 1e-6:
            raise ValueError(f"the shares of replace add up to {sum(self.replace):g}, not 1: replace: [0.8, 0.1, 0.1]")
        return self


class RoleWeights(Section):
    """Factors of the loss weights by who speaks, on top of `prompt_weight` and `response_weight`: {system: 0, user: 0.1}."""

    system: AtLeast0 = 1.0
    """System texts, and what the chat format writes outside all turns."""
    user: AtLeast0 = 1.0
    """Questions."""
    assistant: AtLeast0 = 1.0
    """Responses, and those turns of the assistant that are only read."""
    tool: AtLeast0 = 1.0
    """What tools answer."""
    text: AtLeast0 = 1.0
    """Plain text, which belongs to nobody."""


class Objective(Section):
    """What is learnt from which token: weighted instruction tuning (arXiv 2507.07817), or one of the ways to pre-train."""

    kind: Literal["causal", "prefix", "span_corruption", "ul2", "bart", "masked", "seq2seq"] = "causal"
    """causal: every token from those before it. prefix: the same behind a prompt (plain text: up to a drawn place) that is seen whole.
    seq2seq: an encoder reads the prompt, a decoder writes the last response (plain text as span_corruption). On plain text only:
    span_corruption (T5), ul2 and bart for encoder-decoders, masked (BERT) for encoders."""
    prompt_weight: AtLeast0 | Literal["auto"] = 0.0
    """Loss weight of prompt tokens, λp; only for causal. auto: chosen by how well validation tasks go, as `objective.auto` says."""
    auto: AutoWeight = AutoWeight()
    """How an automatic prompt weight is chosen."""
    response_weight: AtLeast0 = 1.0
    """Loss weight of response tokens, λr, and of all that a denoiser asks for."""
    train_on: Literal["all", "last"] = "all"
    """For causal: which responses of a conversation carry the response weight; the others then weigh as prompt."""
    role_weights: RoleWeights = RoleWeights()
    """Factors by who speaks. All factors are multiplied: these, those of the next two keys, those that the data bring along for an
    example (`weight` of its source), a turn (`weight`, `train`) or a part of one (`content: [{type: text, text: ..., weight: 0}]`)."""
    format_weight: AtLeast0 | None = None
    """Factor of what the chat format writes around prompts; 0 leaves it out (instruction modelling, arXiv 2405.14394). null: as text."""
    task_weights: dict[str, Positive] = Field(default={})
    """Task name or glob to a factor for its rows, for example {"superni/*": 0.5}; those of several that meet are multiplied."""
    label_smoothing: Share = 0.0
    """A target gives so much of its probability evenly to all tokens."""
    neftune: AtLeast0 = 0.0
    """NEFTune's α: while training, noise of at most α/√(L·d) is added to each number of the embeddings of a document of L tokens."""
    noise_density: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """For span_corruption: share of the tokens that are taken out."""
    mean_span: Annotated[float, Field(ge=1)] = 3.0
    """For span_corruption: mean number of tokens in a row that are taken out."""
    ul2: Ul2Noise = Ul2Noise()
    """Settings of kind ul2."""
    bart: BartNoise = BartNoise()
    """Settings of kind bart."""
    masked: MaskedNoise = MaskedNoise()
    """Settings of kind masked."""

    @model_validator(mode="after")
    def _something_is_learnt(self) -> "Objective":
        if self.prompt_weight == 0 and self.response_weight == 0:
            raise ValueError("prompt_weight and response_weight are both 0: nothing would be learnt")
        if self.prompt_weight == "auto" and not self.response_weight:
            raise ValueError("prompt_weight auto chooses λp / λr, and response_weight is 0: response_weight=1")
        if self.kind != "causal" and self.prompt_weight:
            raise ValueError(f"kind {self.kind} predicts no prompt tokens: prompt_weight=0, or kind=causal")
        if self.kind == "causal":
            by = self.role_weights
            asked = bool(self.prompt_weight) and any((by.system, by.user, by.tool, by.assistant))
            answered = bool(self.response_weight) and any((by.assistant, by.text))
            if not asked and not answered:
                raise ValueError("prompt_weight and response_weight times role_weights are 0 for everyone: nothing would be learnt")
        return self
