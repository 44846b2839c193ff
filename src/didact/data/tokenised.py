"""A conversation as a model sees it: token ids, the role of each, and what loss weights are multiplied by."""

from dataclasses import dataclass

import numpy as np

from didact.base.types import Origin


@dataclass(frozen=True, slots=True)
class TokenisedExample:
    """A conversation as a model sees it; made ready for an objective by `prepare`, it also says what has to be predicted."""

    input_ids: np.ndarray
    """int32 (T,): of an encoder-decoder, what the encoder reads."""
    roles: np.ndarray
    """uint8 (T,): 0 ignored, 2 response; prompts: 1 user, 3 system, 4 tool, 5 an assistant's turn that is only read, each + 8 where
    the chat format wrote it. See `didact.base.roles`."""
    origin: Origin
    num_cut: int = 0
    """Prompt tokens that were left out to fit."""
    plain: bool = False
    """Plain text that belongs to nobody."""
    num_prefix: int = 0
    """Prefix LM: so many tokens are seen by all others, and none of them is predicted."""
    target_ids: np.ndarray | None = None
    """int32 (D,), encoder-decoder: what the decoder has to write."""
    labels: np.ndarray | None = None
    """int32 (T,), encoder: the token that has to be told at each place, or -100."""
    token_types: np.ndarray | None = None
    """int8 (T,), encoder: 1 in the second text, else 0."""
    next_segment: int = -100
    """Encoder: 0 the second text follows, 1 it is from elsewhere, -100 nothing is asked."""
    weights: np.ndarray | None = None
    """float32, one for each token that may be predicted, of `target_ids` where there are some, else of `input_ids`: factors of turns
    and of parts of them; None: 1 everywhere."""
    weight: float = 1.0
    """Factor of all its loss weights: the example's, and behind `prepare` the task's too."""

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def num_tokens(self) -> int:
        """Tokens that the model reads and, in a decoder of its own, writes."""
        return len(self.input_ids) + (0 if self.target_ids is None else len(self.target_ids))
