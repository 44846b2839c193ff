"""Who answers: what the engine needs of a server, of a model in this process and of a fake."""

from typing import Protocol

from didact.models.endpoint import Refused, Retry
from didact.synth.ask import Ask, Reply

__all__ = ["Backend", "Refused", "Retry"]


class Backend(Protocol):
    """Answers requests, any number at a time."""

    @property
    def address(self) -> str:
        """Who it is: the same request to another one is another request."""

    def wire(self, ask: Ask) -> bytes:
        """Returns what is sent for a request, byte for byte: it is what the log knows a request by."""

    async def send(self, body: bytes, sample: int = 0) -> Reply:
        """Returns the reply to what `wire` returned.

        Args:
            body: From `wire`.
            sample: Which draw this is of bodies that are the same.

        Raises:
            Retry: It may be answered later.
            Refused: It will not be.
            DidactError: No request will be.
        """

    async def close(self) -> None:
        """Gives back what it holds; it can be asked again afterwards."""
