"""What an endpoint makes of what a server answers: a reply, a wait, a refusal, or the end of the run; the key is told to nobody else."""

import asyncio
from collections.abc import Mapping

import pytest

from didact.base.errors import ModelError, PrerequisiteError
from didact.models.endpoint import Endpoint, Refused, Retry, retry_after
from didact.models.http import Answer, TornError

KEY = "sk-very-secret"


class Canned:
    """A server that answers one thing."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", **more: object) -> Answer:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def posted(monkeypatch: pytest.MonkeyPatch, answer: Answer | Exception) -> dict:
    monkeypatch.setenv("A_KEY", KEY)
    endpoint = Endpoint("http://127.0.0.1:1/v1/", key_env="A_KEY")
    monkeypatch.setattr(endpoint, "_server", Canned(answer))
    return asyncio.run(endpoint.post("/chat/completions", b"{}"))


def test_a_json_object_comes_back(monkeypatch: pytest.MonkeyPatch):
    assert posted(monkeypatch, Answer(200, {}, b'{"choices": []}')) == {"choices": []}


@pytest.mark.parametrize(
    ("answer", "reason", "busy"),
    [
        (Answer(429, {}, b""), "http 429", True),
        (Answer(408, {}, b""), "http 408", False),
        (Answer(500, {}, b""), "http 500", True),
        (Answer(503, {}, b""), "http 503", True),
        (Answer(200, {}, b'{"choices": [{"te'), "malformed reply", False),
        (Answer(200, {}, b"[1]"), "malformed reply", False),
        (Answer(200, {}, b"\xff\xfe"), "malformed reply", False),
        (Answer(200, {}, b'{"error": {"message": "upstream"}}'), "error in the reply", True),
        (TimeoutError(), "timeout", True),
        (TornError("x"), "truncated reply", False),
        (ConnectionResetError(), "connection reset", False),
        (ConnectionRefusedError(), "no connection", False),
        (OSError("no route"), "no connection", False),
    ],
)
def test_what_may_get_better_is_tried_again(monkeypatch: pytest.MonkeyPatch, answer: Answer | Exception, reason: str, busy: bool):
    with pytest.raises(Retry) as caught:
        posted(monkeypatch, answer)
    assert (caught.value.reason, caught.value.busy) == (reason, busy)


@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_a_refusal_is_final_for_its_request(monkeypatch: pytest.MonkeyPatch, status: int):
    with pytest.raises(Refused, match=f"http {status}") as caught:
        posted(monkeypatch, Answer(status, {}, f"bad words, {KEY}".encode()))
    assert caught.value.said == "bad words, ***"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(401, {}, f"Incorrect key {KEY}".encode()), "the key is not accepted"),
        (Answer(402, {}, b""), "no money left"),
        (Answer(429, {}, b'{"error": {"code": "insufficient_quota"}}'), "no money left"),
        (Answer(404, {}, b"model m"), "no such address or model"),
        (Answer(307, {"location": "https://b/v1"}, b""), "sends requests on to https://b/v1"),
    ],
)
def test_what_every_request_would_meet_ends_the_run_and_never_tells_the_key(monkeypatch: pytest.MonkeyPatch, answer: Answer, said: str):
    with pytest.raises(ModelError, match=said) as caught:
        posted(monkeypatch, answer)
    assert KEY not in str(caught.value)
    assert caught.value.remedy


def test_the_key_is_in_no_picture_of_the_endpoint(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", KEY)
    assert repr(Endpoint("http://a/v1", key_env="A_KEY")) == "Endpoint('http://a/v1')"


@pytest.mark.parametrize("value", [None, "", "  ", "a\nb"])
def test_a_key_that_is_not_there_is_told_with_what_to_type(monkeypatch: pytest.MonkeyPatch, value: str | None):
    monkeypatch.setenv("A_KEY", value) if value is not None else monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(PrerequisiteError, match="A_KEY") as caught:
        Endpoint("http://a/v1", key_env="A_KEY")
    assert caught.value.remedy == "export A_KEY=..."


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 30.0),  # 100 seconds of the clock, which stands at 70
        ({"retry-after": "Thu, 01 Jan 1970 00:00:40 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_server_may_say_in_three_ways_how_long_to_wait(headers: dict[str, str], seconds: float | None):
    assert retry_after(Answer(429, headers, b""), now=70.0) == seconds
