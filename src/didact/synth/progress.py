"""How far a synthesis is: what the engine tells while it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of this start, and of the whole run where it says so."""

    num_rows_done: int = 0
    """Chains of the method that have come to an end, over all its rounds so far."""
    num_rows: int = 0
    """Chains that it has begun or will in this round."""
    num_in_flight: int = 0
    """Requests that wait for their reply."""
    num_waiting: int = 0
    """Requests that wait to be sent, for the first time or again."""
    num_slots: int = 0
    """Requests that go at a time now."""
    num_sent: int = 0
    """How often anything was sent in this start."""
    num_replayed: int = 0
    """Answers that were in the log."""
    num_retried: int = 0
    """Requests that had to be sent again in this start, each time counted."""
    num_answered: int = 0
    """Replies of the whole run."""
    num_failed: int = 0
    """Requests of the whole run that never got one."""
    prompt_tokens: int = 0
    """Tokens read in the whole run."""
    completion_tokens: int = 0
    """Tokens written in the whole run."""
    money: float = 0.0
    """What the whole run has cost, by the prices of its limits."""
    seconds: float = 0.0
    """Of this start."""
