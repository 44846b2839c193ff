"""Requests for texts, as a backward model writes them, ratings, and the choice between two answers."""

import math
import re

from didact.synth.ask import Reply
from didact.synth.scripts.request import SLIP, Request, filled
from didact.synth.wordings import wordings

_GOOD = 3 / 4
"""Share of pairs that a script rates 5; it rates the others 3."""


def request_reply(request: Request) -> str | None:
    """Returns the request that a text answers: a text of its length with its beginning; None where nobody asks for it."""
    asked = filled(wordings("backtranslate")["backward"], request.last)
    if asked is None:
        return None
    text = asked["text"]
    if request.rand().random() < SLIP:
        return re.split(r"(?<=[.!?])\s", text)[0]  # copied from the text, which is refused
    words = text.split()
    return f"Please write a text of about {10 * round(len(words) / 10)} words that begins with: {' '.join(words[:4])} ..."


def rating_reply(request: Request) -> Reply | None:
    """Returns a rating with the probabilities of its tokens; it follows from the pair and says nothing of its worth. None: nobody asks."""
    words = wordings("backtranslate")
    if not request.last.startswith(words["rate"]):
        return None
    level = 5 if request.rand("rate").random() < _GOOD else 3
    before = ["A", " script", " rates", " this", ".\n", "Score", ":", " "] if words["rate_reasons"] in request.last else []
    likely = {str(level): math.log(0.9), str(level - 1): math.log(0.1)}
    places = (*({token: 0.0} for token in before), likely) if "top_logprobs" in request.body else ()
    text = "".join([*before, str(level)])
    return Reply(text, "stop", len(request.last.split()), len(before) + 1, top_logprobs=places)


def choice_reply(request: Request) -> str | None:
    """Returns the better of two answers, A or B: the one with more of the question's words, one time in twelve A; None: nobody asks."""
    asked = filled(wordings("pairs")["judge"], request.last)
    if asked is None:
        return None
    question = set(re.findall(r"\w+", asked["prompt"].casefold()))

    def worth(answer: str) -> tuple[int, str]:
        return len(question & set(re.findall(r"\w+", answer.casefold()))), answer

    is_slip = request.rand().random() < SLIP
    return "A" if is_slip or worth(asked["first"]) > worth(asked["second"]) else "B"


def check_reply(request: Request) -> str | None:
    """Returns whether an answer comes to the known result: whether it has its words; None where nobody asks."""
    asked = filled(wordings("explain")["consistent"], request.last)
    if asked is None:
        return None
    return "Yes" if " ".join(asked["known"].split()).casefold() in " ".join(asked["answer"].split()).casefold() else "No"


def explanation_reply(request: Request) -> str | None:
    """Returns how a script comes to a known answer, one time in twelve to another one; None where nobody asks."""
    asked = filled(wordings("explain")["known_answer"], request.last)
    if asked is None:
        return None
    num_words = len(asked["question"].split())
    answer = "something else" if request.rand().random() < SLIP else asked["answer"]
    return (
        f"What is asked has {num_words} words, and a script reads them one by one.\nWhere the last is read, it is done.\nAnswer: {answer}"
    )
