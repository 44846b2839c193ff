r"""Where a completion ends: at a stop token, or before a text that stands for the next turn. Both belong to the chat format.

The text of all that was written decides, not single tokens: a stop string may begin in one token and end in another, and what
stands before it stays, to the character.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from didact.base.errors import ModelError, TemplateError
from didact.base.types import Conversation, Message, Origin
from didact.data.tokens import Tokeniser
from didact.models.load import stop_ids
from didact.prompts.chat_format import BOS, BOS_IF_ADDED, EOS, Piece

Stop = Literal["stop", "string", "length"]
"""Why a completion ended: `stop`: the model ended its turn; `string`: it went on into a stop string, which is cut; `length`: it was cut."""


@dataclass(frozen=True, slots=True)
class Stops:
    """What ends the completions of a model."""

    ids: frozenset[int]
    """Stop tokens."""
    strings: tuple[str, ...]
    """Stop strings, none of them empty."""
    decode: Callable[[Sequence[int]], str]
    """From tokens to the text of a completion."""

    def ended(self, written: Sequence[int]) -> bool:
        """Says whether the last of the tokens ends a completion that no token before it has ended."""
        if written[-1] in self.ids:
            return True
        if not self.strings:
            return False
        # A token mostly holds a byte of text or more, so a string that has just come to its end stands in the last few. Where it does
        # not (tokens without a text), it is found when all is cut, later and in the same place.
        num_looked = max(len(string.encode("utf-8", "surrogatepass")) for string in self.strings) + 4
        return self._in(self.decode(written[-num_looked:])) and self._in(self.decode(written))

    def cut(self, written: Sequence[int]) -> tuple[tuple[int, ...], str, Stop]:
        r"""Returns the tokens of a completion, its text, and why it ended.

        The tokens are the fewest that hold the text; the last of them may hold the beginning of the stop string too.

        >>> words = {1: "No", 2: ".\n", 3: "\nQ: Why"}
        >>> Stops(frozenset({9}), ("\n\nQ:",), lambda ids: "".join(words[i] for i in ids)).cut([1, 2, 3, 1, 9])
        ((1, 2), 'No.', 'string')
        """
        end = next((place for place, token in enumerate(written) if token in self.ids), None)
        ids = tuple(written[:end])
        text = self.decode(ids)
        cut = min((place for string in self.strings if (place := text.find(string)) >= 0), default=None)
        if cut is None:
            return ids, text, "length" if end is None else "stop"
        text, num_kept = text[:cut], len(ids)
        while num_kept and self.decode(ids[: num_kept - 1]).startswith(text):
            num_kept -= 1
        return ids[:num_kept], text, "string"

    def _in(self, text: str) -> bool:
        return any(string in text for string in self.strings)


def stops_of(tokeniser: Tokeniser, strings: Sequence[str] = (), *, own: bool = True) -> Stops:
    """Returns what ends the completions of models with this tokeniser: the chat format's tokens and strings, and some of a user's.

    Args:
        tokeniser: The tokeniser and its chat format.
        strings: Further stop strings; the name of a control token (`<|im_end|>`) is that token.
        own: The chat format's own strings count too.

    Raises:
        ModelError: A stop string is empty.
    """
    if not all(strings):
        raise ModelError("a stop string is empty: every completion would end before it begins", remedy="leave it out of the stops")
    tokens = {tokeniser.controls[string] for string in strings if string in tokeniser.controls}
    texts = [string for string in strings if string not in tokeniser.controls]
    return Stops(
        frozenset({*stop_ids(tokeniser), *tokens}),
        tuple(dict.fromkeys([*(turn_marks(tokeniser) if own else ()), *texts])),
        tokeniser.decode,
    )


def turn_marks(tokeniser: Tokeniser) -> tuple[str, ...]:
    r"""Returns the texts with which a user's next turn begins, in formats that write it in words: no answer goes on behind them.

    A base that was never trained with the format writes them after its answer, in place of a stop token. Formats whose turns begin with
    a control token (chatml), or with the text of the turn itself (plain, answer), have none: a line break alone could be part of an
    answer.

    >>> from didact.prompts.chat_format import FORMATS
    >>> from didact.models.tokenizer import train_tokenizer
    >>> turn_marks(Tokeniser(train_tokenizer(["a"], 300), FORMATS["alpaca"]))
    ('\n\n### Instruction:', '\n### Instruction:')
    """
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    try:
        pieces = tokeniser.chat_format.pieces(Conversation(turns, Origin("stops", "")))
    except TemplateError:  # a format that refuses this conversation has no second turn
        return ()
    between = [piece for piece in _between(pieces) if piece.text not in (EOS, BOS, BOS_IF_ADDED)]
    while between and between[0].text in tokeniser.chat_format.stop:
        del between[0]
    if any(piece.control and piece.text in tokeniser.controls for piece in between):
        return ()
    text = "".join(piece.text for piece in between).rstrip()
    words = text.lstrip()
    marks = [text, f"\n{words}"] if "\n" in text[: len(text) - len(words)] else [text]
    return tuple(dict.fromkeys(marks)) if words else ()


def _between(pieces: Sequence[Piece]) -> list[Piece]:
    """Returns the pieces between an answer and the next question."""
    bodies = [place for place, piece in enumerate(pieces) if piece.body]
    return list(pieces[bodies[-2] + 1 : bodies[-1]]) if len(bodies) > 1 else []
