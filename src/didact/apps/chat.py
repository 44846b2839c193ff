"""Chat: a conversation with a tuned model in the chat format it was tuned with."""

import sys
from collections.abc import Iterable, Iterator

from didact.base.errors import ModelError
from didact.base.types import Conversation, Message, Origin
from didact.models.local import Completion, LocalModel
from didact.run import Run


class Chat:
    """A conversation that remembers its turns.

    Args:
        model: Who answers.
        max_length: Tokens of the longest prompt; older turns are left out when it is reached.
        max_new_tokens: An answer is cut after this many tokens.
        system: A system message, if any.
    """

    def __init__(self, model: LocalModel, *, max_length: int, max_new_tokens: int, system: str = "") -> None:
        self._model = model
        self._max_length, self._max_new_tokens = max_length, max_new_tokens
        self.messages: list[Message] = [Message("system", system)] if system else []

    def ask(self, text: str) -> Completion:
        """Returns the model's answer to one message, and remembers both."""
        said = Conversation((*self.messages, Message("user", text)), Origin("chat", str(len(self.messages))))
        prompt = self._model.tokeniser.prompt(said, self._max_length)
        answer = self._model.generate([prompt.input_ids], max_new_tokens=self._max_new_tokens)[0]
        self.messages += [Message("user", text), Message("assistant", answer.text)]
        return answer


def open_chat(run: Run, system: str = "", max_new_tokens: int = 256) -> Chat:
    """Returns a chat with a run's newest checkpoint.

    Args:
        run: A run with a checkpoint.
        system: A system message, if any.
        max_new_tokens: An answer is cut after this many tokens, or after half of what the model can hold.

    Raises:
        RunError: The run has no checkpoint yet.
        ModelError: Its chat format is no longer what it was tuned with, or it holds too few tokens to talk.
    """
    from didact.jobs import load_tuned, local_model

    recipe = run.recipe()
    loaded = load_tuned(run)
    if recipe.sequence.max_length < 16:
        raise ModelError(
            f"the model holds {recipe.sequence.max_length} tokens: too few to talk", remedy="train with sequence.max_length=64 or more"
        )
    new = min(max_new_tokens, recipe.sequence.max_length // 2)
    return Chat(local_model(loaded, recipe), max_length=recipe.sequence.max_length - new, max_new_tokens=new, system=system)


def turns(chat: Chat, questions: Iterable[str]) -> Iterator[tuple[str, Completion]]:
    """Yields (question, answer) for questions asked one after the other."""
    for question in questions:
        yield question, chat.ask(question)


def read_line() -> str:
    """Returns the next line a person types; nothing at its end or for an empty line."""
    if sys.stdin.isatty():
        print("> ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.rstrip("\n") if line.strip() else ""
