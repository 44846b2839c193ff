"""Remote: a model behind an OpenAI-compatible server, asked by chat or by plain completion."""

import json
from collections.abc import Callable
from typing import Any

from didact.models.endpoint import Endpoint, Refused
from didact.synth.ask import Ask, Reply
from didact.synth.wire import body_of, canonical, reply_of, schema_in_words

Body = dict[str, Any]
Kind = tuple[str, bool]
"""Where a request is posted to, and whether it has a schema."""


class Remote:
    """A model behind a server.

    Args:
        endpoint: The server.
        model: The model's name there.

    >>> Remote(Endpoint("http://127.0.0.1:8000/v1"), "m").address
    'http://127.0.0.1:8000/v1'
    """

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self.endpoint, self._model = endpoint, model
        self._changes = list[str]()  # what this server wants otherwise, in the order in which it was found out
        self.known_kinds = set[Kind]()
        """Of requests that the server has answered: it takes their form."""

    @property
    def address(self) -> str:
        """The server's address."""
        return self.endpoint.url

    def wire(self, ask: Ask) -> bytes:
        """Returns what is sent, before any change that this server is found to want."""
        return body_of(ask, self._model)

    async def send(self, body: bytes, sample: int = 0) -> Reply:
        """Returns the server's reply; `sample` is ours alone."""
        kind = self.kind(body)
        changes = tuple(self._changes)
        while True:
            sent = _changed(body, changes)
            try:
                found = await self.endpoint.post(kind[0], sent)
            except Refused as problem:
                name = next((name for name in _CHANGES if name not in changes and _helps(name, sent, problem)), None)
                if name is None:
                    raise
                changes = (*changes, name)
            else:  # what has helped is remembered, for requests to come
                self._changes += [name for name in changes if name not in self._changes]
                self.known_kinds.add(kind)
                return reply_of(found)

    def kind(self, body: bytes) -> Kind:
        """Returns what kind of request it is."""
        asked = json.loads(body) if b'"prompt":' in body else {}
        return "/completions" if "prompt" in asked else "/chat/completions", b'"response_format":' in body

    def as_sent(self, body: bytes) -> bytes:
        """Returns what is sent for what `wire` returned, as far as this server's wishes are known."""
        return _changed(body, tuple(self._changes))

    async def close(self) -> None:
        """Closes the connections."""
        await self.endpoint.close()


def _changed(body: bytes, names: tuple[str, ...]) -> bytes:
    if not names:
        return body
    asked = json.loads(body)
    for name in names:
        _CHANGES[name](asked)
    return canonical(asked)


def _helps(name: str, sent: bytes, problem: Refused) -> bool:
    """Says whether a server that refused a request may take it changed."""
    if problem.status not in (400, 422, 501):
        return False
    asked = json.loads(sent)
    if name == "schema in words":
        return "response_format" in asked
    return name == "max_completion_tokens" and "max_tokens" in asked and name in problem.said


def _other_limit(asked: Body) -> None:
    if "max_tokens" in asked:
        asked["max_completion_tokens"] = asked.pop("max_tokens")


_CHANGES: dict[str, Callable[[Body], None]] = {"max_completion_tokens": _other_limit, "schema in words": schema_in_words}
"""What servers are known to want otherwise: a schema asked for in words, the limit under its newer name."""
