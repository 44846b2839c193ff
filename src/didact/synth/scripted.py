"""The scripted teacher: answers every method's requests by small scripts, so that the whole path can be seen without a model.

It writes what a model would, right answers and slips alike: tasks that no text can answer or that come twice, instances without an output.
What its small grammar does not have, it answers with something that is true of the request, and says that a script says it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from didact.synth.ask import Reply
from didact.synth.scripts.answers import answered
from didact.synth.scripts.evolving import equal_reply, evolved_reply
from didact.synth.scripts.request import Request
from didact.synth.scripts.self_instruct import class_reply, instances_reply, list_reply
from didact.synth.scripts.talk import conversation_reply, next_turn_reply, turn_reply
from didact.synth.scripts.texts import check_reply, choice_reply, explanation_reply, rating_reply, request_reply
from didact.synth.scripts.topics import about_reply, messages_reply, record_reply
from didact.synth.scripts.whole_tasks import example_reply, output_reply, tasks_reply, wording_reply

Answer = Callable[[Mapping[str, Any]], str | Reply]
"""From a request in OpenAI's form to the reply."""
_SCRIPTS: tuple[Callable[[Request], str | Reply | None], ...] = (
    *(tasks_reply, example_reply, wording_reply, output_reply),
    *(evolved_reply, equal_reply),
    *(conversation_reply, next_turn_reply),
    *(request_reply, rating_reply, choice_reply, check_reply, explanation_reply),
    *(messages_reply, about_reply, record_reply),
    *(class_reply, instances_reply, list_reply),  # behind those that hold numbered lists, too
    turn_reply,
)
"""Each knows its requests by our own wordings, and returns None for all others."""


def scripted(seed: int = 0) -> Answer:
    r"""Returns a teacher: the same request always has the same answer.

    Args:
        seed: Another one is another teacher.

    >>> teacher = scripted()
    >>> teacher({"prompt": "Tasks:\n1. Sing.\n2. Hum.\n3."}).count("\n")
    6
    >>> teacher({"prompt": "Task: Which of the two numbers is larger?\nIs it classification?"})
    'No'
    >>> teacher({"prompt": "Task: Convert 7 metres to centimetres.\n"})
    'Output: 700 centimetres'
    >>> teacher({"messages": [{"role": "user", "content": "Convert 7 metres to centimetres."}]})
    '700 centimetres'
    """

    def answer(asked: Mapping[str, Any]) -> str | Reply:
        request = Request(asked, seed)
        replies = (script(request) for script in _SCRIPTS)
        return next((reply for reply in replies if reply is not None), None) or answered(request)

    return answer


grammar: Answer = scripted()
"""The one that recipes name: the same for every run."""
