"""A method without an engine: its requests are answered by a plain function, one after the other, for trying things out and for tests."""

from collections.abc import Callable

from didact.base.errors import DataError
from didact.synth.ask import Ask, Chain, Failed, Program, Reply
from didact.synth.outcome import Outcome

Answer = Callable[[Ask], str | Reply | Failed]
"""From a request to its reply; a text is one that ended by itself."""


def answered(program: Program, answer: Answer, *, backwards: bool = False) -> Outcome:
    """Returns what a method ends in when a function answers all that it asks.

    Args:
        program: From a method.
        answer: From a request to its reply.
        backwards: Run the chains of each table from the last to the first; nothing may depend on it.

    >>> from didact.synth.outcome import Row
    >>> def greet():
    ...     said = yield {"a": once(Ask("greet", prompt="Say hi."))}
    ...     return Outcome((Row("a", about={"said": said["a"].text}),))
    >>> answered(greet(), lambda ask: "hi").rows[0].about
    {'said': 'hi'}
    """
    try:
        table = next(program)
        while True:
            names = list(table)[::-1] if backwards else list(table)
            results = {name: _finished(table[name], answer) for name in names}
            table = program.send({name: results[name] for name in table})
    except StopIteration as end:
        if not isinstance(end.value, Outcome):
            raise DataError(f"a method ended in {end.value!r}", expected="an Outcome") from None
        return end.value


def once(ask: Ask) -> Chain:
    """Returns a chain of one request, whose result is the reply."""
    return (yield ask)


def _finished(chain: Chain, answer: Answer) -> object:
    try:
        ask = next(chain)
        while True:
            reply = answer(ask)
            ask = chain.send(Reply(reply) if isinstance(reply, str) else reply)
    except StopIteration as end:
        return end.value
