"""What models put around a text that they were asked for alone: greetings, labels, fences, quotation marks."""

import re

_PREFACE = re.compile(
    r"^(?:(?:sure|certainly|of course|okay|ok|absolutely)\b[^\n:]*[:!.]|here(?: is|'s)\b[^\n:]{0,80}:)\s*\n*", re.IGNORECASE
)
_AS_AN_AI = re.compile(r"^as an ai (?:language )?(?:model|assistant)\b[^.,\n]*[.,]\s*", re.IGNORECASE)
_FENCE = re.compile(r"^```\w*\n(.*)\n```$", re.DOTALL)
_QUOTED = re.compile(r'^(["“*_]{1,2})(?!\s)(.+?)(?<!\s)(["”*_]{1,2})$', re.DOTALL)


def labels(words: str) -> re.Pattern[str]:
    """Returns the pattern of a label at the beginning of a text, in whatever type it is set.

    Args:
        words: A regular expression of the label's words.

    >>> labels("task|question").sub("", "**Question 2:** Why?")
    'Why?'
    """
    return re.compile(
        rf"^[\s#*_>`\"]*(?:here(?: is|'s) (?:the|a|your) )?(?:the )?(?:{words})[\s#*_\d]*(?:is)?[\s#*_]*:[\s*_#]*", re.IGNORECASE
    )


def unwrapped(text: str, label: re.Pattern[str]) -> str:
    r"""Returns a text without what stands around it; each layer is taken off as long as there is one.

    Args:
        text: A reply.
        label: Of what was asked for, from `labels`.

    >>> unwrapped("Sure, here it is:\n\n```\nTask: Count to ten.\n```", labels("task"))
    'Count to ten.'
    """
    text, before = text.strip(), ""
    while text != before:
        before = text
        for pattern in (_PREFACE, _AS_AN_AI):
            text = pattern.sub("", text, count=1).strip()
        if fenced := _FENCE.match(text):
            text = fenced[1].strip()
        quoted = _QUOTED.match(text)
        if quoted and quoted[1].replace("“", "”") == quoted[3] and not any(sign in quoted[2] for sign in quoted[1] + quoted[3]):
            text = quoted[2].strip()
        text = label.sub("", text, count=1).strip()
    return text
