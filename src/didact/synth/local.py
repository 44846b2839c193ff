"""Local: a model in this process that answers requests, those that wait at the same time together."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from didact.base.chance import generator
from didact.base.errors import TemplateError
from didact.base.recipe import ModelSection
from didact.base.types import Conversation, Message, Origin
from didact.data.tokens import Tokeniser
from didact.models.bundled import bundled
from didact.models.endpoint import Refused
from didact.models.load import Loaded, load_base, load_checkpoint, load_tokeniser
from didact.models.local import Completion, LocalModel
from didact.models.precision import pick_device, pick_precision
from didact.models.pretrained import positions_of
from didact.models.saved_format import FORMAT_FILE
from didact.synth.ask import Ask, Reply, Sampling
from didact.synth.draws import Draws
from didact.synth.request_log import request_hash
from didact.synth.together import Together
from didact.synth.wire import body_of, schema_in_words

_LENGTH = 2048
"""Tokens that a model without a limit of its own may read and write."""


class Local:
    """A model in this process.

    Args:
        model: The model.
        name: What it is called in the log and in replies.
        length: Most tokens of a prompt and its reply.
        seed: What is drawn by chance is drawn from it and from the request.
        batch_tokens: Most tokens of what is worked on at once.
    """

    def __init__(self, model: LocalModel, name: str, *, length: int = _LENGTH, seed: int = 0, batch_tokens: int = 16_384) -> None:
        self._model, self._name, self._length, self._seed, self._batch_tokens = model, name, length, seed, batch_tokens
        self._together = Together(self.answers)

    @property
    def address(self) -> str:
        """The model's name, and the seed that it draws from."""
        return f"local:{self._name}:{self._seed}"

    def wire(self, ask: Ask) -> bytes:
        """Returns what a server would be sent."""
        return body_of(ask, self._name)

    async def send(self, body: bytes, sample: int = 0) -> Reply:
        """Returns the reply, worked out together with those of other requests.

        Raises:
            Refused: The prompt is too long, or the model's chat format cannot show it.
            ModelError: The model writes no answers.
        """
        return await self._together.send(body, sample)

    async def close(self) -> None:
        """Waits for what is being worked on."""
        await self._together.close()

    def answers(self, asked: Sequence[tuple[bytes, int]]) -> list[Reply | Exception]:
        """Returns the reply to each (body, sample), or why there is none."""
        found: dict[int, Reply | Exception] = {}
        groups: dict[int, list[tuple[int, np.ndarray, Sampling]]] = {}
        for number, (body, _) in enumerate(asked):
            wanted = json.loads(body)
            sampling, ids = _sampling(wanted), self._prompt(wanted)
            room = self._length if self._model.architecture == "encoder_decoder" else self._length - (0 if ids is None else len(ids))
            if ids is None or room < 1:
                found[number] = Refused("prompt too long" if ids is not None else "prompt that the chat format cannot show")
                continue
            groups.setdefault(min(sampling.max_tokens, room), []).append((number, ids, sampling))
        for max_tokens, rows in groups.items():
            draws = self._draws(rows, [request_hash(self.address, *asked[number]) for number, _, _ in rows])
            prompts = [ids for _, ids, _ in rows]
            completions = self._model.generate(prompts, max_new_tokens=max_tokens, batch_tokens=self._batch_tokens, steer=draws.steer)
            for place, ((number, ids, sampling), completion) in enumerate(zip(rows, completions, strict=True)):
                found[number] = self._reply(completion, sampling, len(ids), draws.told(place))
        return [found[number] for number in range(len(asked))]

    def _prompt(self, wanted: dict[str, Any]) -> np.ndarray | None:
        schema_in_words(wanted)
        tokeniser = self._model.tokeniser
        if "prompt" in wanted:
            return plain_ids(tokeniser, wanted["prompt"])
        messages = tuple(
            Message(said["role"], said["content"], tool_calls=tuple(said.get("tool_calls", ())), name=said.get("name", ""))
            for said in wanted["messages"]
        )
        try:
            return tokeniser.prompt(Conversation(messages, Origin("synth", "")), 2**30).input_ids
        except TemplateError:
            return None

    def _draws(self, rows: Sequence[tuple[int, np.ndarray, Sampling]], names: Sequence[str]) -> "_AllDraws":
        return _AllDraws([sampling for _, _, sampling in rows], names, self._seed, self._model.tokeniser)

    def _reply(self, completion: Completion, sampling: Sampling, num_read: int, told: Sequence[dict[str, float]]) -> Reply:
        ends = [place for stop in sampling.stop if (place := completion.text.find(stop)) >= 0]
        text, finish = (completion.text[: min(ends)], "stop") if ends else (completion.text, completion.stop)
        return Reply(text, finish, num_read, len(completion.ids), self._name, top_logprobs=tuple(told[: len(completion.ids)]))


class _AllDraws:
    """The draws of all rows, made batch by batch as the model takes them."""

    def __init__(self, rows: Sequence[Sampling], names: Sequence[str], seed: int, tokeniser: Tokeniser) -> None:
        self._rows, self._names, self._seed, self._tokeniser = rows, names, seed, tokeniser
        self._made = dict[int, tuple[Draws, int]]()

    def steer(self, batch: Sequence[int]) -> Draws:
        chances = [generator(self._seed, "synth", "local", self._names[number]) for number in batch]
        draws = Draws([self._rows[number] for number in batch], chances, self._text_of)
        self._made |= {number: (draws, place) for place, number in enumerate(batch)}
        return draws

    def told(self, number: int) -> list[dict[str, float]]:
        draws, place = self._made[number]
        return draws.told[place]

    def _text_of(self, ids: list[int]) -> str:
        return str(self._tokeniser.tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=False))


def plain_ids(tokeniser: Tokeniser, text: str) -> np.ndarray:
    """Returns the tokens of plain text, int32 (T,), as a completion server reads it: control tokens that it names are control tokens."""
    ids = tokeniser.tokenizer(text, add_special_tokens=False)["input_ids"]
    if tokeniser.adds_bos and ids[:1] != [tokeniser.bos_id]:
        ids = [tokeniser.bos_id, *ids]
    return np.array(ids or [tokeniser.eos_id or 0], np.int32)  # a model has to read something


def _sampling(wanted: dict[str, Any]) -> Sampling:
    told = wanted.get("top_logprobs") or (wanted.get("logprobs") if "prompt" in wanted else None)
    keys = ("temperature", "top_p", "max_tokens", "presence_penalty", "frequency_penalty")
    return Sampling(**{key: wanted[key] for key in keys if key in wanted}, stop=tuple(wanted.get("stop", ())), top_logprobs=told)


def open_local(name: str, *, revision: str | None = None, chat_format: str = "model", seed: int = 0) -> Local:
    """Returns a model that is loaded into this process.

    Args:
        name: A folder that didact exported or a checkpoint, a bundled base, another folder or a hub id.
        revision: Branch, tag or commit of a hub id.
        chat_format: How a conversation is written, for what is not didact's own.
        seed: What is drawn by chance is drawn from it.

    Raises:
        ModelError: Nothing loadable is there.
        TemplateError: It has no chat format of its own, and none is named.
    """
    loaded, device = _loaded(bundled(name), revision, chat_format), pick_device()
    precision = pick_precision("auto", device) if device.type == "cuda" else "fp32"
    length = positions_of(loaded.model.config) or _LENGTH
    return Local(LocalModel(loaded, device, precision), f"{name}@{revision}" if revision else name, length=length, seed=seed)


def _loaded(folder: str, revision: str | None, chat_format: str) -> Loaded:
    if (Path(folder) / FORMAT_FILE).is_file():
        return load_checkpoint(Path(folder))
    section = ModelSection(base=folder, revision=revision)
    tokeniser, new = load_tokeniser(section, chat_format, lambda: ())
    return load_base(section, tokeniser, new, positions=_LENGTH, seed=0)
