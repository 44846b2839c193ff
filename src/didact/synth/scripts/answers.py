"""Answers to whatever is asked: right ones to tasks of the grammar, and to all others something that is true of the request."""

import random
import re
from functools import cache

from didact.base.chance import rng
from didact.synth.made_tasks import Instance, known, made_instruction
from didact.synth.scripts.request import Request

_THOUGHT_OF = 64
"""Instances of an instruction that a script can think of; it knows the answers to these."""
_NO_TEXT = "I'm sorry, I can only answer in text."


def instances(instruction: str) -> tuple[Instance, ...]:
    """Returns the instances of a task that scripts write and know the answers to; none where the grammar does not have it.

    >>> instances("Write the word fox backwards."), instances("Fly.")
    ((('', 'xof'),), ())
    """
    return _instances(" ".join(instruction.split()).casefold().rstrip(".?: "))


@cache
def _instances(folded: str) -> tuple[Instance, ...]:
    found = known(folded)
    if found is None:
        return ()
    family, words = found
    made = (family.make(words, rng(0, "synth", "scripted", "instance", folded, number)) for number in range(_THOUGHT_OF))
    return tuple(dict.fromkeys(made))


def whole_task(rand: random.Random) -> tuple[str, str, str]:
    """Returns a task of the grammar with one of its instances: instruction, input and output; poor ones, too."""
    instruction = made_instruction(rand)
    given, output = rand.choice(instances(instruction) or (("", _NO_TEXT),))
    return instruction, given, output


def solved(instruction: str, given: str = "") -> str | None:
    """Returns the right answer; None where scripts do not know it.

    >>> solved("Convert 7 metres to centimetres."), solved("Which of the two numbers is larger?", "no numbers")
    ('700 centimetres', None)
    """
    said = " ".join(given.split())
    return next((output for one, output in instances(instruction) if " ".join(one.split()) == said), None)


def answered(request: Request) -> str:
    """Returns the answer to what was said last; one that a system message asks to explain says how it was found."""
    instruction, _, given = request.last.strip().partition("\n\n")
    answer = solved(instruction, given)
    how = "the answer stands in the grammar of this script" if answer else "a script counted, and no model wrote this"
    answer = answer or _made(instruction, given, request) or remark(request.last, request.rand("remark"))
    return f"{answer}\n\nHow: {how}." if request.system else answer


def _made(instruction: str, given: str, request: Request) -> str | None:
    """Returns an answer of the right form to a task of the grammar whose input is none of the script's."""
    found = known(instruction) if not given else None
    return found[0].make(found[1], request.rand())[1] if found else None


def remark(text: str, rand: random.Random) -> str:
    """Returns something that is true of a text, and says that a script says it.

    >>> remark("Name a river.", random.Random(0))
    'A script answers here: what is asked has 3 words, and 3 of them are different.'
    """
    words = re.findall(r"\w+", text) or [""]
    facts = [
        f"it begins with '{words[0]}'",
        f"it ends with '{words[-1]}'",
        f"its longest word is '{max(words, key=len)}'",
        f"{len({word.casefold() for word in words})} of them are different",
        f"{sum(word.isdigit() for word in words)} of them are numbers",
    ]
    return f"A script answers here: what is asked has {len(words)} words, and {rand.choice(facts)}."
