r"""What Self-Instruct reads from replies: numbered tasks, yes or no, and instances of two forms.

Every function takes what a model wrote and why it ended, and returns what it found and what it refused.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instance:
    """One example of a task."""

    input: str
    output: str
    fault: str = ""
    """Why it is refused; empty: it is not."""


# Source: Wang et al. (2022), Self-Instruct, its code: bootstrap_instructions.py, identify_clf_or_not.py, prepare_for_finetuning.py.
_STRICT_NUMBER = re.compile(r"\n\d+\s?\. ")
_STRICT_EXAMPLE = re.compile(r"Example\s?\d*\.?")
_STRICT_OUTPUT = re.compile(r"Output\s*\d*\s*:")
_STRICT_INPUT = re.compile(r"Input\s*\d*\s*:")
_STRICT_LABEL = "Class label:"

_MARKS = r"[ \t>*_#`-]*"
_AFTER = r"[*_]{0,2}[ \t]*"
_NUMBER = re.compile(rf"(?:^|\n){_MARKS}(?:(?:task|instruction)\s*)?#?(\d{{1,4}})\s*[*_]*[.):]+(?!\d){_AFTER}", re.IGNORECASE)
_INLINE_NUMBER = re.compile(r"(?<=[.?!])\s+(\d{1,4})[.)]\s+(?=[A-Z])")
_BULLET = re.compile(r"(?:^|\n)[ \t]*[-*•][ \t]+")
_WIDEST_GAP = 5
"""Numbers that a model may leave out between two tasks; a line that begins with a year begins no task."""
_EXAMPLE = re.compile(rf"(?mi)^{_MARKS}example\s*(?:\d+\s*[.:)]{_AFTER}|\d*{_MARKS}$)")
_OUTPUT = re.compile(rf"(?mi)^{_MARKS}(?:(?:correct|expected)[ \t]+)?output[ \t]*\d*[ \t]*[*_]*[:：]{_AFTER}")
_INPUT = re.compile(rf"(?mi)^{_MARKS}input[ \t]*\d*[ \t]*[*_]*[:：]{_AFTER}")
_LABEL = re.compile(rf"(?mi)^{_MARKS}(?:class[ _-]*)?label[ \t]*\d*[ \t]*[*_]*[:：=]{_AFTER}")
NOTHING = re.compile(r"[<\[(]?\s*(?:no\s?-?input|none|n/?a|not applicable|empty|nothing)\s*[>\])]?\.?", re.IGNORECASE)
"""How a model writes that a task has no input."""


def parse_instructions(text: str, finish: str = "stop", first: int = 1, *, strict: bool = False) -> tuple[list[str], list[str]]:
    r"""Returns the tasks of a numbered list, and those that are refused because the reply was cut off.

    Args:
        text: What follows the prompt's list; its first task may or may not have a number.
        finish: Why the reply ended; of one that was cut, the last task is refused (strict: all of them).
        first: The number that was asked for first.
        strict: As the original: only `12. ` at the start of a line begins a task, and every letter but the first becomes small, so that
            NASA is nasa in its data.

    Numbers that do not rise belong to the task in which they stand: its own steps, say.

    >>> parse_instructions(" Name a river.\n10. Spell NASA.\n11) List two steps:\n1. a\n2. b", first=9)
    (['Name a river.', 'Spell NASA.', 'List two steps: 1. a 2. b'], [])
    >>> parse_instructions(" Name a river.\n10. Spell NASA.", strict=True)
    (['Name a river.', 'Spell nasa.'], [])
    >>> parse_instructions("1. Name a river.\n2. Name a", finish="length")
    (['Name a river.'], ['Name a'])
    """
    if strict:
        tasks = [" ".join(piece.split()).capitalize() for piece in _STRICT_NUMBER.split(text)]
        return ([], tasks) if finish == "length" else (tasks, [])
    tasks = [_tidy(piece) for piece in _pieces(text.strip("\n"), first)]
    tasks = [task for task in tasks if task]
    return (tasks[:-1], tasks[-1:]) if finish == "length" else (tasks, [])


def _pieces(text: str, first: int) -> list[str]:
    """Returns what stands between numbers that rise, and before the first one where that is the task it continues."""
    marks = sorted([*_NUMBER.finditer(text), *_INLINE_NUMBER.finditer(text)], key=lambda mark: mark.start())
    last, cuts = 0, list[tuple[int, int, int]]()
    for mark in marks:
        number = int(mark[1])
        begins = number <= first + 1 if not cuts else last < number <= last + _WIDEST_GAP
        if (begins and mark.re is _NUMBER) or (cuts and number == last + 1):
            cuts.append((mark.start(), mark.end(), number))
            last = number
    if not cuts:
        return _BULLET.split("\n" + text)[1:] or ([text] if "\n" not in text.strip() else text.split("\n"))
    ends = [start for start, _, _ in cuts[1:]] + [len(text)]
    # A reply that goes on with a list begins inside its first task; one that starts the list anew may begin with a greeting.
    head = [text[: cuts[0][0]]] if cuts[0][2] == first + 1 else []
    pieces = head + [text[end:stop] for (_, end, _), stop in zip(cuts, ends, strict=True)]
    return [*pieces[:-1], pieces[-1].strip().split("\n\n")[0]]  # After the list may stand a farewell.


def _tidy(text: str) -> str:
    """Returns a task in one line, without the marks of bold type around it, its first letter a capital."""
    text = " ".join(text.split()).strip()
    text = re.sub(r"^(\*\*|__|\")(.+)\1$", r"\2", text).strip()
    # Bold type that began before the number ends here alone.
    text = text.removesuffix("**").rstrip() if text.count("**") % 2 else text
    return text[:1].upper() + text[1:]


def says_yes(text: str, *, strict: bool = False) -> bool | None:
    """Returns whether the answer is yes; None where it is neither yes nor no, which the original takes for a no.

    >>> says_yes(" Yes."), says_yes("**no**"), says_yes("It depends.")
    (True, False, None)
    >>> says_yes("Yes.", strict=True)
    False
    """
    if strict:
        return text.strip() in ("Yes", "yes", "YES")
    found = re.match(r"[^\w]*(?:is it classification\??\s*)?(yes|no)\b", text.strip(), re.IGNORECASE)
    return None if found is None else found[1].lower() == "yes"


def parse_input_first(text: str, finish: str = "stop", *, strict: bool = False) -> list[Instance]:
    r"""Returns the instances of a reply of the form `Example 1`, what is given, `Output:` and the answer.

    Args:
        text: The reply.
        finish: Why it ended; of one that was cut, the last instance is refused.
        strict: As the original: `Example` and `Output:` count wherever they stand, what has no `Output:` is an output, and what follows a
            second `Output:` is lost. Else they count at the start of a line, and an instance without an output is refused.

    >>> [(one.input, one.output) for one in parse_input_first("Example 1\nWord: sea\nOutput: s\nExample 2\nWord: oak\nOutput: o")]
    [('Word: sea', 's'), ('Word: oak', 'o')]
    >>> parse_input_first("Output: The Danube.")
    [Instance(input='', output='The Danube.', fault='')]
    """
    found = _strict_input_first(text.strip()) if strict else _input_first(text.strip())
    return _cut(found, finish)


def _strict_input_first(text: str) -> list[Instance]:
    if _STRICT_EXAMPLE.search(text):
        return [_strict_instance(part.strip()) for part in _STRICT_EXAMPLE.split(text) if part.strip()]
    return [_strict_instance(text)] if _STRICT_OUTPUT.search(text) else []


def _strict_instance(text: str) -> Instance:
    parts = _STRICT_OUTPUT.split(text)
    given, answer = (parts[0].strip(), parts[1].strip()) if len(parts) > 1 else ("", text)
    answer = _STRICT_INPUT.split(answer)[0].strip()
    return Instance(re.sub(r"^Input\s*\d*\s*:", "", given).strip(), answer)


def _input_first(text: str) -> list[Instance]:
    parts = _EXAMPLE.split(text)
    headed = len(parts) > 1
    # Before the first heading stands a greeting, unless it has an output of its own.
    parts = [part.strip() for number, part in enumerate(parts) if part.strip() and (number or not headed or _OUTPUT.search(part))]
    return [instance for part in parts for instance in _instances(part, headed)]


def _instances(text: str, headed: bool) -> list[Instance]:
    """Returns the instances of one part: input and output by turns."""
    outputs = list(_OUTPUT.finditer(text))
    if not outputs:
        return [Instance(_given(text), "", "no output marker")] if headed else []
    found, given = list[Instance](), text[: outputs[0].start()]
    for mark, after in zip(outputs, [*outputs[1:], None], strict=True):
        rest = text[mark.end() : after.start() if after else len(text)]
        again = _INPUT.search(rest)
        answer, following = (rest[: again.start()], rest[again.start() :]) if again else (rest, "")
        found.append(Instance(_given(given), answer.strip()))
        given = following
    if given.strip():
        found.append(Instance(_given(given), "", "no output marker"))
    return found


def _given(text: str) -> str:
    """Returns an input without its label; none where the reply says in words that there is none."""
    text = text.strip()
    if mark := _INPUT.match(text):
        text = text[mark.end() :].strip()
    return "" if NOTHING.fullmatch(text) else text


def parse_output_first(text: str, finish: str = "stop", *, strict: bool = False) -> list[Instance]:
    r"""Returns the instances of a reply of the form `Class label:`, a label, and the text that it is right for.

    Args:
        text: The reply.
        finish: Why it ended; of one that was cut, the last instance is refused.
        strict: As the original: only `Class label:` as it stands here begins an instance.

    >>> [(one.output, one.input) for one in parse_output_first("Class label: yes\nNumber: 6\n**class Label 2:** no\nNumber: 5")]
    [('yes', 'Number: 6'), ('no', 'Number: 5')]
    """
    pieces = text.strip().split(_STRICT_LABEL)[1:] if strict else _LABEL.split(text.strip())[1:]
    found = list[Instance]()
    for piece in pieces:
        label, _, given = piece.strip().partition("\n")
        label, given = label.strip(), given.strip()
        if not strict:
            label, given = label.strip("*_`\"' \t"), re.sub(r"(?m)^\W*example\s*\d*\W*$", "", given, flags=re.IGNORECASE)
        found.append(Instance(given if strict else _given(given), label))
    return _cut(found, finish)


def _cut(found: list[Instance], finish: str) -> list[Instance]:
    """Refuses the last instance of a reply that was cut off."""
    if finish != "length" or not found:
        return found
    return [*found[:-1], Instance(found[-1].input, found[-1].output, "cut off")]
