"""What users say: a turn behind nothing but its header, the next question, and conversations in one piece."""

import re
from functools import cache

from didact.base.errors import RecipeError
from didact.prompts.chat_format import FORMATS
from didact.synth.scripts.answers import remark, whole_task
from didact.synth.scripts.request import SLIP, Request, filled
from didact.synth.template_prefix import user_header
from didact.synth.transcripts import AI, HUMAN
from didact.synth.wordings import wordings


def turn_reply(request: Request) -> str | None:
    """Returns what a user says where a text ends in the header of a user's turn; None where it does not."""
    if request.is_chat or not request.last.rstrip().endswith(_headers()):
        return None
    rand = request.rand()
    if rand.random() < SLIP:
        return "Do the following with this text:"
    instruction, given, _ = whole_task(rand)
    return f"{instruction}\n\n{given}" if given else instruction


@cache
def _headers() -> tuple[str, ...]:
    """Returns the last line before a user's turn, of every chat format that has one."""
    found = list[str]()
    for name in FORMATS:
        try:
            found.append(user_header(name)[0].rstrip().rpartition("\n")[2])
        except RecipeError:
            continue
    return tuple(found)


def conversation_reply(request: Request) -> str | None:
    """Returns a conversation about a topic, one in twelve without its last answer; None where nobody asks for one."""
    asked = filled(wordings("self_chat")["transcript"], request.last)
    if asked is None:
        return None
    rand, lines, says = request.rand(), list[str](), asked["topic"]
    num_turns = rand.randint(int(asked["least"]), int(asked["most"]))
    for number in range(num_turns):
        lines += [HUMAN, says, AI, remark(says, rand)]
        says = _next(number + 1, says)
    return "\n".join(lines[:-2] if rand.random() < SLIP else lines)


def next_turn_reply(request: Request) -> str | None:
    """Returns what the person says next, or that there is nothing more; None where nobody asks."""
    asked = filled(wordings("self_chat")["user"], request.last)
    if asked is None:
        return None
    said = asked["transcript"].rpartition(f"{HUMAN}\n")[2].partition(f"\n{AI}")[0]
    number = asked["transcript"].count(HUMAN)
    return "END" if request.rand().random() < number / 8 else _next(number, said)


def _next(number: int, said: str) -> str:
    word = max(re.findall(r"\w+", said) or ["it"], key=len)
    return (f"Can you say more about '{word}'?", f"And why is it so, with '{word}'?", f"Is there an example of '{word}'?")[number % 3]
