"""The files of a batch: a line of JSON for each request that goes in, and the result in each line that comes back, in any order."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

from didact.base.errors import DidactError
from didact.models.endpoint import Refused, Retry
from didact.models.http import Answer
from didact.synth.ask import Reply
from didact.synth.wire import canonical, reply_of

Result = Reply | Retry | Refused | DidactError
"""A reply, or why there is none: it may be asked for again, will never come, or nothing will."""
VERSION = "/v1"
"""What a batch's addresses begin with, whatever the server's own address is."""


def batch_line(name: str, path: str, body: bytes) -> bytes:
    r"""Returns the line of one request.

    Args:
        name: By which its result is found.
        path: Where it would be posted to.
        body: What would be posted.

    >>> batch_line("a1", "/completions", b'{"prompt":"x"}')
    b'{"body":{"prompt":"x"},"custom_id":"a1","method":"POST","url":"/v1/completions"}\n'
    """
    return canonical({"custom_id": name, "method": "POST", "url": VERSION + path, "body": json.loads(body)}) + b"\n"


def parts(lines: Mapping[str, bytes], most_requests: int, most_bytes: int) -> Iterator[dict[str, bytes]]:
    """Yields lines by name in their order, as many together as a file may hold.

    >>> [list(part) for part in parts({"a": b"1234", "b": b"12", "c": b"12", "d": b"1"}, 2, 5)]
    [['a'], ['b', 'c'], ['d']]
    """
    part, size = dict[str, bytes](), 0
    for name, line in lines.items():
        if part and (len(part) == most_requests or size + len(line) > most_bytes):
            yield part
            part, size = {}, 0
        part[name] = line
        size += len(line)
    if part:
        yield part


def results_of(files: Sequence[bytes], problem: Callable[[Answer], Result]) -> dict[str, Result]:
    """Returns the result of each request by its name, from the file of answers and the file of errors.

    Args:
        files: What they hold.
        problem: What an answer says that is not well.

    >>> row = {"custom_id": "a1", "response": {"status_code": 200, "body": {"choices": [{"text": "3"}]}}}
    >>> lost = {"custom_id": "a2", "response": None, "error": {"code": "batch_expired"}}
    >>> found = results_of([canonical(row), canonical(lost)], lambda answer: Refused("no"))
    >>> found["a1"].text, found["a1"].batched, found["a2"].reason
    ('3', True, 'batch_expired')
    """
    found = dict[str, Result]()
    for content in files:
        for line in BytesIO(content):
            try:
                row = json.loads(line)
                name = str(row["custom_id"])
            except (ValueError, KeyError, TypeError):
                continue  # a request whose line cannot be read has no result, and is asked again
            if not isinstance(found.get(name), Reply):
                found[name] = _result(row, problem)
    return found


def _result(row: Mapping[str, Any], problem: Callable[[Answer], Result]) -> Result:
    try:
        response, error = row.get("response") or {}, row.get("error") or {}
        status = int(response.get("status_code") or 0)
        if status == 200:
            return replace(reply_of(response["body"]), batched=True)
        if status:
            return problem(Answer(status, {}, json.dumps(response.get("body")).encode()))
        return Retry(str(error.get("code") or "no result"))
    except Retry as retry:
        return retry
    except (KeyError, TypeError, ValueError, AttributeError):
        return Retry("malformed reply")
