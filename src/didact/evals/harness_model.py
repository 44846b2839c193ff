"""Our model behind lm-eval's interface: every task of that library asks it, and it answers with our likelihoods and our decoding.

What differs from that library's own back end, on purpose: no beginning token stands twice; a prompt that is too long keeps its
beginning token, loses the same tokens for all of a row's choices, and is counted; a row that is asked several times is asked once.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import Any

import numpy as np
from lm_eval.api.model import TemplateLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from didact.base.errors import ModelError
from didact.base.types import Conversation, Message, Origin
from didact.models.likelihoods import Likelihood, likelihoods
from didact.models.local import LocalModel
from didact.models.pretrained import positions_of

_NO_LIMIT = 2**30
_LENGTH = 2048
"""Tokens of a model that was built for no certain length."""
_MOST_NEW = 256
"""Tokens that an answer may have where a task does not say."""
_NAMES_OF_MOST = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class Written:
    """What lm-eval does not keep of a written answer."""

    stop: str
    """`stop`, `string` or `length`."""
    num_tokens: int


class HarnessModel(TemplateLM):  # type: ignore[misc]
    """Answers lm-eval's requests with a model of ours.

    Args:
        model: What is asked.
        chat: Prompts are turns in the model's chat format; else plain text, as published tables of bases have it.
        batch_tokens: Most tokens of a batch, padding included.
        done: Called with the number of requests that have been answered.
    """

    def __init__(
        self, model: LocalModel, *, chat: bool = False, batch_tokens: int = 16_384, done: Callable[[int], None] = lambda _: None
    ) -> None:
        super().__init__()
        self.backend = "seq2seq" if model.architecture == "encoder_decoder" else "causal"
        self.num_cut: dict[str, int] = {}
        """Prompt to the tokens that it lost, where it lost some."""
        self.written: dict[str, Written] = {}
        """Prompt to what became of its answer."""
        self._model, self._tokeniser, self._chat = model, model.tokeniser, chat
        self._batch_tokens, self._done, self._screen = batch_tokens, done, sys.stderr
        self._turns: dict[str, np.ndarray] = {}
        known = positions_of(model.network.config)
        self.max_length = _LENGTH if known is None else known
        ends = self._tokeniser.tokenizer("a")["input_ids"][-1:] == [self._tokeniser.eos_id]
        self._end = [self._tokeniser.eos_id] if self.backend == "seq2seq" and ends else []

    @property
    def eot_token_id(self) -> int:
        """The end-of-text token."""
        return int(self._tokeniser.eos_id)

    @property
    def prefix_token_id(self) -> int:
        """What stands before a text that nothing stands before: the beginning token, or the end token where there is none."""
        return self.eot_token_id if self._tokeniser.bos_id is None else int(self._tokeniser.bos_id)

    @property
    def tokenizer_name(self) -> str:
        """The name of the chat format: what lm-eval tells prompts apart by."""
        return self._tokeniser.chat_format.name

    def chat_template(self, chat_template: bool | str = False) -> str:
        """Returns the chat format's name; lm-eval keeps it with the results."""
        return self.tokenizer_name if self._chat else ""

    def apply_chat_template(self, chat_history: Sequence[Mapping[str, str]], add_generation_prompt: bool = True) -> str:
        """Returns turns as text, and remembers their tokens: a text of a row never becomes a control token."""
        messages = tuple(Message(turn["role"], turn["content"]) for turn in chat_history)  # type: ignore[arg-type]
        last = messages[-1].content if messages[-1].role == "assistant" else ""
        ids = self._tokeniser.prompt(Conversation(messages, Origin("lm_eval", "")), _NO_LIMIT).input_ids
        text = str(self._tokeniser.tokenizer.decode(ids, skip_special_tokens=False))
        if last:  # the beginning of the answer is given
            ids = np.concatenate([ids, self._plain(last, first=False)])
            text += last
        self._turns[text] = ids
        return text

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """Returns a text's tokens as the tokenizer writes them by itself, its beginning token once."""
        return [int(token) for token in self._plain(string, first=add_special_tokens is not False)]

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Returns for each (prompt, continuation) its log-probability in nats, and whether greedy decoding would write it."""
        pairs = [request.args for request in requests]
        prompts: dict[str, np.ndarray] = {}
        wanted: dict[str, dict[str, np.ndarray]] = {}
        for context, continuation in pairs:
            if context not in prompts:
                prompts[context], wanted[context] = self._prompt(context, strip=True), {}
            if continuation not in wanted[context]:
                wanted[context][continuation] = self._behind(context, prompts[context], continuation)
        found = self._likelihoods(
            [self._fitted(context, prompt, max(map(len, wanted[context].values()))) for context, prompt in prompts.items()],
            [[*several.values()] for several in wanted.values()],
        )
        table = {context: dict(zip(wanted[context], values, strict=True)) for context, values in zip(prompts, found, strict=True)}
        return [(table[context][continuation].logprob, table[context][continuation].greedy) for context, continuation in pairs]

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """Returns the log-probability of whole texts, in nats, cut into windows as lm-eval cuts them."""
        owners, prompts, continuations = list[int](), list[np.ndarray](), list[list[np.ndarray]]()
        for number, (text,) in enumerate(request.args for request in requests):
            ids = [*self._plain(text, first=False).tolist(), *self._end]
            length = self.max_length
            for window in get_rolling_token_windows(token_list=ids, prefix_token=self.prefix_token_id, max_seq_len=length, context_len=1):
                before, behind = make_disjoint_window(window)
                owners.append(number)
                prompts.append(np.array(before, np.int32))
                continuations.append([np.array(behind, np.int32)])
        totals = [0.0] * len(requests)
        for number, (value,) in zip(owners, self._likelihoods(prompts, continuations), strict=True):
            totals[number] += value.logprob
        return totals

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """Returns what the model writes behind each prompt, up to the first of the row's stop strings."""
        groups: dict[tuple[tuple[str, ...], int], dict[str, str]] = {}
        keys = [(self._settings(request.args[1]), request.args[0]) for request in requests]
        for settings, context in keys:
            groups.setdefault(settings, {})[context] = ""
        for (stops, most), texts in groups.items():
            room = max(self.max_length - most, 1) if self.backend == "causal" else self.max_length
            prompts = [self._cut(context, self._prompt(context), room) for context in texts]
            with self._on_screen():
                said = self._model.generate(prompts, max_new_tokens=most, stops=stops, batch_tokens=self._batch_tokens, done=self._done)
            for context, one in zip(texts, said, strict=True):
                texts[context] = one.text
                self.written[context] = Written(one.stop, len(one.ids))
        return [groups[settings][context] for settings, context in keys]

    def _loglikelihood_tokens(self, requests: Sequence[Any], **_: Any) -> list[tuple[float, bool]]:
        """Returns likelihoods of tokens: (texts, prompt, continuation)."""
        found = self._likelihoods([np.array(a, np.int32) for _, a, _ in requests], [[np.array(b, np.int32)] for _, _, b in requests])
        return [(value.logprob, value.greedy) for (value,) in found]

    def _likelihoods(self, prompts: Sequence[np.ndarray], wanted: Sequence[Sequence[np.ndarray]]) -> list[list[Likelihood]]:
        with self._on_screen():
            return likelihoods(self._model, prompts, wanted, batch_tokens=self._batch_tokens, done=self._done)

    @contextmanager
    def _on_screen(self) -> Iterator[None]:
        """Lets what we show be seen where the library's own bars are not."""
        with redirect_stderr(self._screen):
            yield

    def _settings(self, given: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
        """Returns the stop strings and the most tokens of a request.

        Raises:
            ModelError: It asks for drawn answers.
        """
        drawn = given.get("do_sample")
        if drawn or (drawn is None and float(given.get("temperature") or 0) > 0):
            raise ModelError(
                f"the task asks for answers that are drawn: {dict(given)}",
                expected="greedy answers: do_sample false, temperature 0",
                remedy="copy the task's YAML, take do_sample out, and name the file: --on lm_eval:my_task.yaml",
            )
        until = given.get("until") or []
        stops = tuple(dict.fromkeys(stop for stop in ([until] if isinstance(until, str) else until) if stop))
        most = next((int(given[name]) for name in _NAMES_OF_MOST if given.get(name) is not None), _MOST_NEW)
        return stops, min(most, max(self.max_length // 2, 1)) if self.backend == "causal" else most

    def _prompt(self, context: str, *, strip: bool = False) -> np.ndarray:
        """Returns a prompt's tokens; `strip`: white space at its end is left to the first word of what follows."""
        if context in self._turns:
            return self._turns[context]
        begun = max((text for text in self._turns if context.startswith(text)), key=len, default="") if self._chat else ""
        if begun:
            return np.concatenate([self._turns[begun], self._plain(context[len(begun) :], first=False)])
        if not context:
            return np.array([self.prefix_token_id], np.int32)
        return self._plain(context.rstrip() or context if strip else context)

    def _behind(self, context: str, prompt: np.ndarray, continuation: str) -> np.ndarray:
        """Returns the tokens of a continuation: those that the text of both has more than the prompt alone."""
        bare = context.rstrip()
        if not bare or (self._chat and any(context.startswith(text) for text in self._turns)):
            return self._plain(continuation, first=False)
        following = context[len(bare) :] + continuation
        if self.backend == "seq2seq" or self._tokeniser.apart(bare, following):  # the two are read apart, or might as well be
            return self._plain(following, first=False)
        behind = self._plain(context + continuation)[len(prompt) :]
        return behind if len(behind) else self._plain(continuation, first=False)

    def _fitted(self, context: str, prompt: np.ndarray, answer: int) -> np.ndarray:
        return self._cut(context, prompt, self.max_length + 1 - answer if self.backend == "causal" else self.max_length)

    def _cut(self, context: str, prompt: np.ndarray, room: int) -> np.ndarray:
        """Returns a prompt that fits: tokens are taken from its beginning, behind the beginning token."""
        prompt = np.concatenate([prompt, np.array(self._end, np.int32)]) if self._end else prompt
        if len(prompt) <= room:
            return prompt
        self.num_cut[context] = len(prompt) - room
        begins = room > 1 and self._tokeniser.bos_id is not None and int(prompt[0]) == self._tokeniser.bos_id
        return np.concatenate([prompt[:1], prompt[len(prompt) - room + 1 :]]) if begins else prompt[len(prompt) - room :]

    def _plain(self, text: str, *, first: bool = True) -> np.ndarray:
        """Returns text as the tokenizer writes it by itself, int32 (T,); `first`: with the beginning token, where it adds one."""
        tokeniser = self._tokeniser
        name = tokeniser.tokenizer.bos_token
        if name and text.startswith(name):  # it was written out
            text, first = text[len(name) :], True
            begin = [tokeniser.bos_id]
        else:
            begin = [tokeniser.bos_id] if first and tokeniser.adds_bos else []
        if not text:
            return np.array(begin, np.int32)
        ids = tokeniser.prompt(Conversation((Message("text", text),), Origin("lm_eval", "")), _NO_LIMIT).input_ids
        return np.concatenate([np.array(begin, np.int32), ids[1:] if tokeniser.adds_bos else ids])
