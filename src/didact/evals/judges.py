"""Who judges: a model behind a server, a model in this process, or a rule that shows what a bias does."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from didact.base.errors import ModelError, TemplateError
from didact.base.types import Conversation, Message, Origin
from didact.evals.judge_prompts import Asked
from didact.models.endpoint import Endpoint, Refused, Retry

if TYPE_CHECKING:  # a server, or a rule, is asked without torch
    from didact.models.local import LocalModel

Hear = Callable[[int, str], None]
"""Called with the number of a question and its reply, as soon as that is there."""
_TRIES = 6
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 60.0


class Judge(Protocol):
    """Answers questions about answers."""

    @property
    def name(self) -> str:
        """Who it is: another one's judgements are not taken for its own."""

    def judge(self, asked: Sequence[Asked], hear: Hear) -> None:
        """Answers each question that it can; `hear` is told of every reply, and of those that never come nothing."""


class RuleJudge:
    """A judge that is a function.

    Args:
        name: What it is called.
        rule: Returns a reply.

    >>> RuleJudge("always A", lambda asked: "Verdict: A").name
    'rule:always A'
    """

    def __init__(self, name: str, rule: Callable[[Asked], str]) -> None:
        self._name, self._rule = name, rule

    @property
    def name(self) -> str:
        """Its name among the rules."""
        return f"rule:{self._name}"

    def judge(self, asked: Sequence[Asked], hear: Hear) -> None:
        """Answers every question."""
        for number, one in enumerate(asked):
            hear(number, self._rule(one))


def longer_wins() -> RuleJudge:
    """Returns a judge that takes the longer answer, and rates by length: what length control has to see through."""

    def rule(asked: Asked) -> str:
        lengths = [len(text) for text in asked.answers]
        if asked.kind == "ten":
            return f"Rating: {min(10, 1 + lengths[0] // 100)}"
        return "Verdict: tie" if lengths[0] == lengths[1] else f"Verdict: {'A' if lengths[0] > lengths[1] else 'B'}"

    return RuleJudge("longer", rule)


def first_wins() -> RuleJudge:
    """Returns a judge that always takes the answer shown first: every pair is then inconsistent, and nobody wins."""
    return RuleJudge("first", lambda asked: "Rating: 5" if asked.kind == "ten" else "Verdict: A")


class EndpointJudge:
    """A judge behind a server that speaks OpenAI's language.

    Args:
        endpoint: The server.
        model: The model's name there.
        at_once: Requests that wait for a reply at the same time.
        max_tokens: Most tokens of a reply.
    """

    def __init__(self, endpoint: Endpoint, model: str, *, at_once: int = 8, max_tokens: int = 512) -> None:
        self._endpoint, self._model, self._at_once, self._max_tokens = endpoint, model, at_once, max_tokens
        self._limit = "max_tokens"

    @property
    def name(self) -> str:
        """The server's address and the model."""
        return f"{self._endpoint.url} {self._model}"

    def judge(self, asked: Sequence[Asked], hear: Hear) -> None:
        """Asks the server, several questions at a time; a request that it refuses, or does not answer in six tries, stays without a reply.

        Raises:
            ModelError: No request will be answered: the key, the address or the model is wrong.
        """
        asyncio.run(self._all(asked, hear))

    async def _all(self, asked: Sequence[Asked], hear: Hear) -> None:
        numbers = iter(range(len(asked)))

        async def work() -> None:
            for number in numbers:
                reply = await self._ask(asked[number])
                if reply is not None:
                    hear(number, reply)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._at_once, len(asked))):
                    group.create_task(work())
        except* ModelError as problems:
            error = problems.exceptions[0]
            if isinstance(error, ModelError):
                error.remedy = "put --judge, --model or --key-env right; what is judged is kept"
            raise error from None
        finally:
            await self._endpoint.close()

    async def _ask(self, asked: Asked) -> str | None:
        wait, tries = _FIRST_WAIT_S, 0
        while tries < _TRIES:
            limit = self._limit  # others that wait may change it meanwhile
            try:
                found = await self._endpoint.post("/chat/completions", self._body(asked, limit))
                return str(found["choices"][0]["message"].get("content") or "")
            except Refused as problem:
                if limit == "max_tokens" and "max_completion_tokens" in problem.said:
                    self._limit = "max_completion_tokens"  # newer models want it under this name
                    continue
                return None
            except Retry as problem:
                pause = wait if problem.after_s is None else min(problem.after_s, _LONGEST_WAIT_S)
            except (KeyError, IndexError, TypeError, AttributeError):
                pause = wait
            tries += 1
            if tries < _TRIES:
                await asyncio.sleep(pause)
            wait = min(2 * wait, _LONGEST_WAIT_S)
        return None

    def _body(self, asked: Asked, limit: str) -> bytes:
        body: dict[str, Any] = {"model": self._model, "temperature": 0, limit: self._max_tokens}
        body["messages"] = [{"role": "user", "content": asked.prompt}]
        return json.dumps(body, sort_keys=True).encode()


class LocalJudge:
    """A judge in this process.

    Args:
        model: The model.
        name: What it is called.
        length: Most tokens of a question and its reply.
        max_tokens: Most tokens of a reply.
        at_once: Questions that are worked on before their replies are told.
    """

    def __init__(self, model: "LocalModel", name: str, *, length: int, max_tokens: int = 256, at_once: int = 64) -> None:
        self._model, self._name, self._at_once = model, name, at_once
        self._length, self._max_tokens = length, min(max_tokens, length // 2)

    @property
    def name(self) -> str:
        """The name it was given."""
        return f"local:{self._name}"

    def judge(self, asked: Sequence[Asked], hear: Hear) -> None:
        """Asks the model; a question that is too long for it, uncut, stays without a reply."""
        prompts = [(number, ids) for number, one in enumerate(asked) if (ids := self._ids(one)) is not None]
        for start in range(0, len(prompts), self._at_once):
            part = prompts[start : start + self._at_once]
            replies = self._model.generate([ids for _, ids in part], max_new_tokens=self._max_tokens)
            for (number, _), reply in zip(part, replies, strict=True):
                hear(number, reply.text)

    def _ids(self, asked: Asked) -> Any:
        try:
            ids = self._model.tokeniser.prompt(Conversation((Message("user", asked.prompt),), Origin("judge", "")), 2**30).input_ids
        except TemplateError:
            return None
        return ids if len(ids) + self._max_tokens <= self._length else None
