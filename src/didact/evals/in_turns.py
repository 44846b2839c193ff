"""In turns: what a model answers to questions of one turn or more, each further turn asked behind its own answers so far."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from didact.base.errors import ModelError, TemplateError
from didact.base.types import Conversation, Message, Origin
from didact.data.tokens import Tokeniser
from didact.evals.answer_files import Written
from didact.evals.user_instructions import Item
from didact.models.answer_log import asked_name
from didact.models.local import Completion, LocalModel, Steering
from didact.models.stops import turn_marks

AT_ONCE = 64
"""Answers that are drawn before they are kept; others are kept one by one."""
Steer = Callable[[Sequence[Item], int], Callable[[Sequence[int]], Steering]]
"""From questions and the number of a turn to what decides the tokens of a batch, by the places of its questions."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How answers are written."""

    length: int
    """Tokens of a conversation: what is asked, and the answer."""
    max_new_tokens: int
    """An answer is cut after so many of them."""
    batch_tokens: int = 16_384
    """Most tokens of what is worked on at once, padding and answers included."""
    steer: Steer | None = None
    """Decides the tokens; None: the likeliest each time."""
    drawn: str = ""
    """How tokens are drawn, and from which seed: answers that were drawn otherwise are others."""


def answered(
    model: LocalModel, items: Sequence[Item], manner: Manner, *, without: Sequence[int] = (), done: Callable[[int], None] = lambda _: None
) -> tuple[list[tuple[Written, ...]], int]:
    """Returns what a model answers to each question, turn by turn, and how many of the turns it had answered before.

    Args:
        model: The model, asked in its chat format; where it keeps its answers, those that are there are taken from there.
        items: The questions.
        manner: How answers are written.
        without: Tokens to leave out of what is asked: those that this model has never been given.
        done: Called with how many more turns are answered, each time.

    Raises:
        ModelError: The model writes no answers, or its chat format cannot show a further turn.
    """
    said: list[tuple[Written, ...]] = [() for _ in items]
    num_known = 0
    for turn in range(max((len(item.turns) for item in items), default=0)):
        places = [place for place, item in enumerate(items) if len(item.turns) > turn]
        prompts, nums_cut = list[np.ndarray](), list[int]()
        for place in places:
            ids, num_cut = _prompt(model.tokeniser, items[place], said[place], manner, without)
            prompts.append(ids)
            nums_cut.append(num_cut)
        write = _likeliest if manner.steer is None else _drawn
        found, known = write(model, [items[place] for place in places], turn, prompts, manner, done)
        num_known += known
        for place, one, num_cut in zip(places, found, nums_cut, strict=True):
            said[place] = (*said[place], Written(one.text, one.stop, len(one.ids), num_cut))
    return said, num_known


def _prompt(tokeniser: Tokeniser, item: Item, said: Sequence[Written], manner: Manner, without: Sequence[int]) -> tuple[np.ndarray, int]:
    """Returns the tokens of the next turn of a question, and how many did not fit."""
    messages = [Message("user", item.turns[0])]
    for written, asked in zip(said, item.turns[1:], strict=False):
        messages += [Message("assistant", written.text), Message("user", asked)]
    try:
        prompt = tokeniser.prompt(Conversation(tuple(messages), Origin("answer", item.id)), manner.length - manner.max_new_tokens)
    except TemplateError as error:
        what = f"turn {len(said) + 1} of {item.turns[0][:40]!r} cannot be asked: {error.what}"
        remedy = "answer with fewer new tokens: --max-new-tokens 64; or leave out sets of several turns (mt_bench)"
        raise ModelError(what, where=f"chat format {tokeniser.chat_format.name}", remedy=remedy) from None
    ids = prompt.input_ids
    return (ids[~np.isin(ids, [*without])] if without else ids), prompt.num_cut


def _likeliest(
    model: LocalModel, items: Sequence[Item], turn: int, prompts: Sequence[np.ndarray], manner: Manner, done: Callable[[int], None]
) -> tuple[list[Completion], int]:
    """Returns the likeliest answers, and how many of them were kept already."""
    log, names = model.answers, model.written_names(prompts, max_new_tokens=manner.max_new_tokens)
    num_known = 0 if log is None else sum(name in log for name in names)
    found = model.generate(prompts, max_new_tokens=manner.max_new_tokens, batch_tokens=manner.batch_tokens, done=done)
    return found, num_known


def _drawn(
    model: LocalModel, items: Sequence[Item], turn: int, prompts: Sequence[np.ndarray], manner: Manner, done: Callable[[int], None]
) -> tuple[list[Completion], int]:
    """Returns answers that are drawn, and how many of them were kept already."""
    assert manner.steer is not None
    names = [
        asked_name(["draw", manner.drawn, item.id, turn, manner.max_new_tokens], ids) for item, ids in zip(items, prompts, strict=True)
    ]
    kept = {} if model.answers is None else model.answers.find(names)
    found = {name: Completion(tuple(row["ids"]), row["text"], row["stop"]) for name, row in kept.items()}
    done(len(found))
    settings: dict[str, Any] = {"max_new_tokens": manner.max_new_tokens, "batch_tokens": manner.batch_tokens, "done": done}
    missing = [place for place, name in enumerate(names) if name not in kept]
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        steer = manner.steer([items[place] for place in part], turn)
        # What steers a batch knows nothing of the format's own marks.
        new = model.generate([prompts[place] for place in part], steer=steer, stops=turn_marks(model.tokeniser), **settings)
        found |= {names[place]: one for place, one in zip(part, new, strict=True)}
        if model.answers is not None:
            model.answers.add({names[place]: asdict(one) for place, one in zip(part, new, strict=True)})
    return [found[name] for name in names], len(kept)
