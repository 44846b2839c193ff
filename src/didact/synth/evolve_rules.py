r"""What Evol-Instruct reads from replies, and its eliminator: which evolutions are refused, and why.

Every function takes texts, and asks nothing.
"""

import re

from didact.synth.unwrap import labels, unwrapped

# Source: Xu et al. (2023), WizardLM, arXiv 2304.12244, section 3.2; the fourth rule's words as open re-implementations list them.
STRICT_LEAKS = ("given prompt", "rewritten prompt", "created prompt", "#Given Prompt#", "#Rewritten Prompt#", "#Created Prompt#")
LEAKS = (*STRICT_LEAKS, "new prompt", "original task", "task that you started from", "rewritten task", "evolved task")
"""Words of the wording that asked for a task, in the task."""
REFUSAL_WORDS = 80
"""An answer with an apology that has fewer words is a refusal."""

_LABEL = labels(r"(?:new|rewritten|evolved|created|revised|more \w+|rarer)[ -]*(?:version of the )?(?:task|prompt|instruction|question)")
_LAST_MARK = re.compile(r"#\s*(?:new|rewritten|created)?\s*prompt\s*#?\s*:", re.IGNORECASE)
_ANSWERED = re.compile(r"(?mi)^[\s#*_>]*(?:answer|solution|response|output|sample answer)[\s*_]*:")
_CHATTER = ("how can i assist", "how can i help you", "as an ai language model", "as an ai assistant", "i'm just an ai")
_ASKS_FOR_APOLOGY = re.compile(r"\b(?:sorry|apolog\w+|regret\w*|condol\w+|decline|refus\w+)\b", re.IGNORECASE)
_REFUSES = re.compile(
    r"\b(?:sorry|apologi[sz]e)\b[^.!?\n]{0,60}\b(?:but|can(?:no|')t|can not|unable|not able|don't|do not)\b|\bas an ai\b|"
    r"\bi (?:can(?:no|')t|can not|am unable to|am not able to|won't) (?:\w+ )?(?:help|assist|answer|provide|do|complete|fulfil|comply)",
    re.IGNORECASE,
)
# Words that say nothing by themselves. "no", "not", "all", "both", "none", "before" ... can be answers, and are in the strict list only.
_FUNCTION_WORDS = frozenset(
    "a an the of in on at to for from by with and or but so if then than that this these those is are was were be been being am "
    "do does did have has had having i you he she it we they me him her us them my your his its our their as into about".split()
)
_STRICT_STOP_WORDS = _FUNCTION_WORDS | frozenset(
    "no not nor all any both each few more most other some such only own same too very can will just should now here there when where why "
    "how what which who whom because while until against between through during before after above below up down out off over under again "
    "further once".split()
)


def parse_evolved(text: str, finish: str = "stop", *, strict: bool = False) -> tuple[str, str]:
    r"""Returns the task that a reply holds, and why it cannot be used: empty where it can.

    Args:
        text: The reply.
        finish: Why it ended; one that was cut holds no whole task.
        strict: As the original: the reply is the task, stripped. Else what models put around it is taken away: a greeting, a label
            (`New task:`, `#Rewritten Prompt#:`), a fence, quotation marks.

    >>> parse_evolved("Sure, here is a harder one:\n\n**New task:** Name two rivers.")
    ('Name two rivers.', '')
    >>> parse_evolved("Name two riv", "length")
    ('Name two riv', 'cut off')
    """
    task = text.strip()
    if not strict:
        task = _unwrapped(task)
    if finish == "length":
        return task, "cut off"
    return task, "" if task else "no task in the reply"


def _unwrapped(task: str) -> str:
    """Returns a task without what stands around it: what follows the last mark of a wording that goes on, and of that the text alone."""
    if marks := list(_LAST_MARK.finditer(task)):
        after = task[marks[-1].end() :].strip(" \n*_")
        task = after or task
    return unwrapped(task, _LABEL)


def says_equal(text: str) -> bool | None:
    """Returns whether a judge calls two tasks equal; None where it says neither.

    >>> says_equal("Not Equal"), says_equal("**Equal**."), says_equal("The two are not really equal."), says_equal("Hm.")
    (False, True, False, None)
    """
    said = text.strip().lower()
    if re.search(r"\b(?:not|n't|isn't|aren't|never)\b[^.\n]{0,20}\bequal\b|\bnot[-_]?equal\b|\b(?:un|in)equal\b|\bdifferent\b", said):
        return False
    return True if re.search(r"\bequal\b", said) else None


def evolution_fault(new: str, old: str, *, strict: bool = False) -> str:
    """Returns why an evolved task is refused for what it is, empty where it is not.

    Args:
        new: The evolved task.
        old: What it was made from; words that stand there already are no leak.
        strict: Only the original's fourth rule, whatever the old task says.

    >>> evolution_fault("Rewrite the given prompt as a poem.", "Write a poem."), evolution_fault("Write a poem.", "write a  poem.")
    ('leaks the wording', 'unchanged')
    """
    low, before = new.lower(), old.lower()
    if strict:
        return "leaks the wording" if any(leak.lower() in low for leak in STRICT_LEAKS) else ""
    if any(leak.lower() in low and leak.lower() not in before for leak in LEAKS):
        return "leaks the wording"
    if " ".join(low.split()) == " ".join(before.split()):
        return "unchanged"
    if any(said in low and said not in before for said in _CHATTER):
        return "speaks as an assistant"
    # Source: h2oai/h2o-wizardlm: lists and verse in the place of a task.
    if new.count("\n") > 2 * new.count(" ") or new.count("\n") == new.count("- ") > 10:
        return "no task but a list"
    if _ANSWERED.search(new) and not _ANSWERED.search(old):
        return "holds its own answer"
    return ""


def answer_fault(answer: str, task: str, finish: str = "stop", *, strict: bool = False) -> str:
    """Returns why an answer, and with it the evolution, is refused; empty where it is not.

    Args:
        answer: What the model answered.
        task: What it was asked; where that asks for an apology, one in the answer is no refusal.
        finish: Why the answer ended.
        strict: The original's second and third rule as they are: "sorry" anywhere in less than 80 words, or nothing but punctuation and
            stop words, "no" among them. Else an apology has to refuse something, and words that can be an answer are one.

    Source: Xu et al. (2023), WizardLM, arXiv 2304.12244, section 3.2.

    >>> answer_fault("I'm sorry, but I cannot help.", "Name a river."), answer_fault("No.", "Is 4 odd?")
    ('refusal', '')
    >>> answer_fault("No.", "Is 4 odd?", strict=True)
    'says nothing'
    """
    words = re.findall(r"\w+(?:'\w+)?", answer.lower())
    if strict:
        if "sorry" in answer.lower() and len(answer.split()) < REFUSAL_WORDS:
            return "refusal"
        return "says nothing" if all(word in _STRICT_STOP_WORDS for word in words) else ""
    if finish == "length":
        return "answer cut off"
    plain = answer.replace("’", "'")
    if len(answer.split()) < REFUSAL_WORDS and _REFUSES.search(plain) and not _ASKS_FOR_APOLOGY.search(task):
        return "refusal"
    return "says nothing" if all(word in _FUNCTION_WORDS for word in words) else ""
