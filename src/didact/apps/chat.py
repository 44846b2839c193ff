"""Chat: a conversation with a tuned model in the chat format it was tuned with."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from didact.apps.console import put, put_json, say
from didact.base.errors import ModelError
from didact.base.types import Conversation, Message, Origin
from didact.models.local import Completion, LocalModel
from didact.models.precision import pick_device, pick_precision
from didact.models.saved_format import FORMAT_FILE
from didact.run import Run, find_run

_LENGTH = 2048
"""Tokens of a conversation with a model that has no limit of its own."""


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


def is_model(folder: Path) -> bool:
    """Says whether a folder is a model that didact exported, or a checkpoint, and no run."""
    return (folder / FORMAT_FILE).is_file()


def open_model(folder: Path, system: str = "", max_new_tokens: int = 256) -> Chat:
    """Returns a chat with an exported model.

    Args:
        folder: What `didact export` wrote.
        system: A system message, if any.
        max_new_tokens: An answer is cut after this many tokens, or after half of what the model can hold.

    Raises:
        ModelError: Files are missing, or its chat format is no longer what it was tuned with.
    """
    from didact.models.load import load_checkpoint
    from didact.models.pretrained import positions_of

    loaded, device = load_checkpoint(folder), pick_device()
    length = positions_of(loaded.model.config) or _LENGTH
    new = min(max_new_tokens, length // 2)
    model = LocalModel(loaded, device, pick_precision("auto", device) if device.type == "cuda" else "fp32")
    return Chat(model, max_length=length - new, max_new_tokens=new, system=system)


def converse(name: str, questions: Sequence[str] | None, system: str, as_json: bool) -> None:
    """Asks questions, or what a person types line by line, and puts the answers on stdout.

    Args:
        name: A run, or an exported folder.
        questions: What to ask; none: lines from stdin, until an empty one.
        system: A system message, if any.
        as_json: One JSON object in place of lines.
    """
    talk = open_model(Path(name), system) if is_model(Path(name)) else open_chat(find_run(name), system)
    if questions and as_json:
        said = [{"question": q, "answer": a.text, "stop": a.stop, "num_tokens": len(a.ids)} for q, a in turns(talk, questions)]
        put_json({"turns": said})
        return
    if not questions:
        say("type a message; an empty line ends the chat")
    for _, answer in turns(talk, questions or iter(read_line, "")):
        put(answer.text.strip())
        if answer.stop == "length":
            say(f"(the answer was cut after {len(answer.ids):,} tokens)")
        elif not answer.text.strip():
            say("(the model said nothing: it ended its turn at once)")


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
