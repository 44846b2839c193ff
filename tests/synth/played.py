"""Runs a method without the engine: every request is answered at once by a function of it."""

from collections.abc import Callable

from didact.synth.ask import Ask, Chain, Failed, Program, Reply
from didact.synth.outcome import Outcome

Teacher = Callable[[Ask], str | Reply | Failed]


def said(ask: Ask) -> str:
    """What a request says: its prompt or its last message."""
    return ask.prompt if ask.prompt is not None else ask.messages[-1].content


def play(program: Program, teacher: Teacher, heard: list[Ask] | None = None) -> Outcome:
    """Returns what a method makes of a teacher's replies; the requests are put into `heard`, in their order."""

    def run(chain: Chain) -> object:
        try:
            ask = next(chain)
            while True:
                if heard is not None:
                    heard.append(ask)
                reply = teacher(ask)
                ask = chain.send(Reply(reply, model="teacher") if isinstance(reply, str) else reply)
        except StopIteration as ended:
            return ended.value

    try:
        chains = next(program)
        while True:
            chains = program.send({name: run(chain) for name, chain in chains.items()})
    except StopIteration as ended:
        outcome: Outcome = ended.value
        return outcome
