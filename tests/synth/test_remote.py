"""A model behind a server: what servers want otherwise is found out once, and the log knows requests by what they were before."""

import asyncio
import json
from typing import Any

import pytest

from didact.base.types import Message
from didact.models.endpoint import Endpoint, Refused
from didact.synth.ask import Ask, Reply
from didact.synth.remote import Remote

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
USER = (Message("user", "hi"),)
WELL = {"choices": [{"message": {"content": '{"a": 1}'}, "finish_reason": "stop"}]}


class Picky:
    """An endpoint that refuses what the test says it does."""

    url = "http://a/v1"

    def __init__(self, *refuses: tuple[str, str]) -> None:
        self.refuses, self.got = refuses, list[tuple[str, dict[str, Any]]]()

    async def post(self, path: str, body: bytes) -> dict[str, Any]:
        asked = json.loads(body)
        self.got.append((path, asked))
        for key, said in self.refuses:
            if key in asked:
                raise Refused("http 400", said, 400)
        return WELL if path == "/chat/completions" else {"choices": [{"text": "x", "finish_reason": "stop"}]}

    async def close(self) -> None:
        pass


def sent(remote: Remote, ask: Ask) -> Reply:
    return asyncio.run(remote.send(remote.wire(ask)))


def test_chats_and_plain_text_go_to_their_own_addresses():
    picky = Picky()
    remote = Remote(picky, "m")
    sent(remote, Ask("s", USER))
    sent(remote, Ask("s", (Message("user", 'say "prompt": now'),)))
    sent(remote, Ask("s", prompt="Once"))
    assert [path for path, _ in picky.got] == ["/chat/completions", "/chat/completions", "/completions"]


def test_a_server_without_structured_output_is_asked_in_words_and_remembered():
    picky = Picky(("response_format", "unknown field"))
    remote = Remote(picky, "m")
    before = remote.wire(Ask("s", USER, schema=SCHEMA))
    assert sent(remote, Ask("s", USER, schema=SCHEMA)).text == '{"a": 1}'
    sent(remote, Ask("s", USER, schema=SCHEMA))
    assert ["response_format" in asked for _, asked in picky.got] == [True, False, False]
    said = picky.got[-1][1]["messages"][-1]["content"]
    assert said.startswith("hi\n")
    assert json.loads(said[said.index("{") :]) == SCHEMA
    assert remote.wire(Ask("s", USER, schema=SCHEMA)) == before, "the log finds it again"


def test_a_server_that_calls_the_limit_otherwise_gets_its_name():
    picky = Picky(("max_tokens", "use 'max_completion_tokens' instead"))
    remote = Remote(picky, "m")
    sent(remote, Ask("s", USER))
    assert picky.got[-1][1]["max_completion_tokens"] == 512


def test_both_may_be_wanted():
    picky = Picky(("max_tokens", "use 'max_completion_tokens'"), ("response_format", "no"))
    assert sent(Remote(picky, "m"), Ask("s", USER, schema=SCHEMA)).text == '{"a": 1}'
    assert set(picky.got[-1][1]) == {"model", "temperature", "messages", "max_completion_tokens"}


def test_a_refusal_that_no_change_helps_stays_one():
    picky = Picky(("messages", "too long"))
    with pytest.raises(Refused, match="http 400"):
        sent(Remote(picky, "m"), Ask("s", USER))
    assert len(picky.got) == 1


def test_a_change_that_has_not_helped_is_forgotten():
    picky = Picky(("messages", "too long"))
    remote = Remote(picky, "m")
    with pytest.raises(Refused):
        sent(remote, Ask("s", USER, schema=SCHEMA))
    picky.refuses = ()
    sent(remote, Ask("s", USER, schema=SCHEMA))
    assert ["response_format" in asked for _, asked in picky.got] == [True, False, True]


def test_the_address_is_the_servers():
    assert Remote(Endpoint("http://127.0.0.1:8000/v1/"), "m").address == "http://127.0.0.1:8000/v1"
