"""Endpoint: a server that speaks OpenAI's language: replies, one at a time, and files; what goes wrong is told as `Retry` or `Refused`."""

import json
import os
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from didact.base.errors import ModelError, PrerequisiteError
from didact.models.http import Answer, Server, TornError

_AGAIN = {408, 409, 425, 429}
"""Refusals that get better by themselves; everything from 500 on does too."""
_NEVER = {
    401: "the key is not accepted",
    402: "the account has no money left",
    404: "there is no such address or model",
    405: "it cannot be posted to",
}
"""Refusals that every request would meet."""
_SAID = 300
"""Characters of a server's own words that are told."""
_UPLOAD_RATE = 250_000
"""Bytes a second that a file is given to go up, at least."""
_DOWNLOAD_S = 3600.0
"""Seconds that a file is given to come down."""
_LARGEST_FILE = 4 * 2**30
"""Bytes of a file after which a server is not believed."""
_BOUNDARY = "didact-7f3a1c"
"""Between the parts of an upload: a line of JSON cannot begin with it."""


class Retry(Exception):  # noqa: N818 (says what to do)
    """A request that may be answered when it is sent again.

    Args:
        reason: Why, in a few words that can be counted: `timeout`, `http 429`.
        after_s: Seconds that the server asks to wait, where it does.
        busy: The server has too much to do: fewer requests at a time would help.
    """

    def __init__(self, reason: str, *, after_s: float | None = None, busy: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.after_s, self.busy = reason, after_s, busy


class Refused(Exception):  # noqa: N818
    """A request that will never be answered.

    Args:
        reason: Why, in a few words that can be counted: `http 400`.
        said: The server's own words.
        status: HTTP's number.
    """

    def __init__(self, reason: str, said: str = "", status: int = 400) -> None:
        super().__init__(reason)
        self.reason, self.said, self.status = reason, said, status


class Endpoint:
    """A server, such as vLLM, llama.cpp, Ollama, `transformers serve` or a provider's.

    Args:
        url: Its address with the version: `http://127.0.0.1:8000/v1`.
        key_env: The environment variable that holds the key; None: none is needed. The key itself is never kept in a file or told.
        timeout_s: Seconds for one reply.

    >>> Endpoint("http://127.0.0.1:8000/v1")
    Endpoint('http://127.0.0.1:8000/v1')
    """

    def __init__(self, url: str, *, key_env: str | None = None, timeout_s: float = 120.0) -> None:
        self.url = url.strip().rstrip("/")
        self._server, self._timeout_s = Server(self.url, timeout_s=timeout_s), timeout_s
        self._headers = {"Content-Type": "application/json"}
        self._key = _key(key_env) if key_env else ""
        if self._key:
            self._headers["Authorization"] = f"Bearer {self._key}"

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"

    async def post(self, path: str, body: bytes) -> dict[str, Any]:
        """Returns the JSON object that the server answers.

        Args:
            path: `/chat/completions` or `/completions`.
            body: A JSON object.

        Raises:
            Retry: It may be answered later.
            Refused: It will not be.
            ModelError: No request will be: the key, the address or the model is wrong.
        """
        return _object(await self._answer("POST", path, body))

    async def get(self, path: str) -> dict[str, Any]:
        """Returns the JSON object at an address.

        Args:
            path: `/batches/NAME`.

        Raises:
            Retry, Refused, ModelError: As for `post`.
        """
        return _object(await self._answer("GET", path))

    async def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Returns what the server says of a file of JSON lines that it was sent.

        Args:
            name: The file's.
            content: Its lines.

        Raises:
            Retry, Refused, ModelError: As for `post`.
        """
        about = 'Content-Disposition: form-data; name="'
        head = f'--{_BOUNDARY}\r\n{about}purpose"\r\n\r\nbatch\r\n--{_BOUNDARY}\r\n{about}file"; filename="{name}"\r\n'
        body = f"{head}Content-Type: application/jsonl\r\n\r\n".encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
        headers = {**self._headers, "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        seconds = max(self._timeout_s, len(body) / _UPLOAD_RATE)
        return _object(await self._answer("POST", "/files", body, headers=headers, timeout_s=seconds))

    async def download(self, file: str) -> bytes:
        """Returns what is in a file that the server has.

        Args:
            file: The server's name for it.

        Raises:
            Retry, Refused, ModelError: As for `post`.
        """
        seconds = max(self._timeout_s, _DOWNLOAD_S)
        return (await self._answer("GET", f"/files/{file}/content", timeout_s=seconds, longest=_LARGEST_FILE)).body

    async def _answer(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
        try:
            answer = await self._server.ask(method, path, headers or self._headers, body, **more)
        except TimeoutError:
            raise Retry("timeout", busy=True) from None
        except TornError:
            raise Retry("truncated reply") from None
        except ConnectionResetError:
            raise Retry("connection reset") from None
        except ssl.SSLCertVerificationError as error:
            what = f"the server's certificate is not trusted: {error.verify_message}"
            raise ModelError(what, where=self.url, remedy="export SSL_CERT_FILE=THE_CERTIFICATE_TO_TRUST") from None
        except OSError:
            raise Retry("no connection") from None
        if answer.status != 200:
            raise self.problem(answer, path)
        return answer

    async def close(self) -> None:
        """Closes the connections."""
        await self._server.close()

    def problem(self, answer: Answer, path: str) -> Retry | Refused | ModelError:
        """Returns what an answer says that is not well: it may be answered later, will not be, or nothing will be."""
        status, said = answer.status, self._hidden(answer.body.decode("utf-8", "replace").strip())
        where = f"{self.url}{path}"
        if status in _NEVER or (status == 429 and "insufficient_quota" in said):
            what = f"{_NEVER.get(status, _NEVER[402])} (http {status})"
            return ModelError(
                what, where=where, expected=said[:_SAID], remedy="put teacher.url, teacher.model or the key right; what is answered is kept"
            )
        if 300 <= status < 400:
            to = answer.headers.get("location", "elsewhere")
            return ModelError(f"the server sends requests on to {to} (http {status})", where=where, remedy="teacher.url=THAT_ADDRESS")
        if status in _AGAIN or status >= 500:
            return Retry(f"http {status}", after_s=retry_after(answer), busy=status == 429 or status >= 500)
        return Refused(f"http {status}", said[:_SAID], status)

    def _hidden(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


def _object(answer: Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        raise Retry("malformed reply") from None
    if not isinstance(found, dict):
        raise Retry("malformed reply")
    if found.get("error") and not found.get("choices"):  # gateways pass an error on as if all were well
        raise Retry("error in the reply", busy=True)
    return found


def retry_after(answer: Answer, now: float | None = None) -> float | None:
    """Returns the seconds that a server asks to wait, as a number of milliseconds, of seconds, or as a date; None where it says nothing.

    >>> retry_after(Answer(429, {"retry-after": "2"}, b""))
    2.0
    """
    try:
        if "retry-after-ms" in answer.headers:
            return max(0.0, float(answer.headers["retry-after-ms"]) / 1000)
        said = answer.headers.get("retry-after", "")
        if said.replace(".", "", 1).isdigit():
            return float(said)
        return max(0.0, parsedate_to_datetime(said).timestamp() - (time() if now is None else now)) if said else None
    except (ValueError, TypeError):
        return None


def _key(name: str) -> str:
    key = os.environ.get(name, "").strip()
    if not key:
        raise PrerequisiteError(f"the environment has no {name}, where the key of the server should be", remedy=f"export {name}=...")
    if not (key.isascii() and key.isprintable()):
        raise PrerequisiteError(f"{name} holds signs that no key has", remedy=f"export {name}=...")
    return key
