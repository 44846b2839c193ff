"""The role of each token, one small number: who speaks, whether the model has to produce it, and whether the format wrote it.

    0 ignored   1 user   2 response   3 system   4 tool   5 the assistant's, to be read only       + 8 the chat format's own words

All but 0 and 2 are prompt. What counts as a prompt is asked with `is_prompt`, never by comparing with one number.
"""

import numpy as np

IGNORED, PROMPT, RESPONSE, SYSTEM, TOOL, CONTEXT = range(6)
FORMAT = 8
"""Set beside who speaks, in prompts only: a header, the end of a turn, the words that every conversation begins with."""
SPEAKERS = {"system": SYSTEM, "user": PROMPT, "assistant": CONTEXT, "tool": TOOL, "text": PROMPT}
"""Who speaks to the code of what is read of them. Outside all turns stands what a system would say."""


def is_prompt(roles: np.ndarray) -> np.ndarray:
    """Returns which tokens are read, whoever says them, bool of the same shape.

    >>> is_prompt(np.array([0, 1, 2, 3, 8 + 5])).tolist()
    [False, True, False, True, True]
    """
    return np.asarray((roles != IGNORED) & (roles != RESPONSE))


def is_format(roles: np.ndarray) -> np.ndarray:
    """Returns which tokens of a prompt the chat format wrote, bool of the same shape.

    >>> is_format(np.array([2, 1, 8 + 1])).tolist()
    [False, False, True]
    """
    return np.asarray((roles & FORMAT) != 0)


def speaker(role: int) -> str:
    """Returns who speaks, as a message has it; nothing for an ignored token.

    >>> speaker(8 + 3), speaker(2), speaker(5), speaker(0)
    ('system', 'assistant', 'assistant', '')
    """
    return {PROMPT: "user", RESPONSE: "assistant", SYSTEM: "system", TOOL: "tool", CONTEXT: "assistant"}.get(role & ~FORMAT, "")
