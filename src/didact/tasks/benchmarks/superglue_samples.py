"""Sample rows of the SuperGLUE tasks, of our own writing: demonstrations that can always be shown, each with its reasoning."""

from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import sample, samples
from didact.tasks.benchmarks.parsing import ENTAILED, TRUTH

COMMITMENT = ("entailment", "contradiction", "neutral")
"""CB's ids are in another order than MNLI's."""

_HARBOUR = (
    "The harbour of Sandvik freezes from December to March, and a ship with a strengthened bow keeps one lane open. "
    "Ferries use that lane once a day; the fishing boats wait for spring."
)
BOOLQ = samples(
    ("passage", "question"),
    TRUTH,
    (_HARBOUR, "is the harbour of sandvik closed to all ships in winter", "False", "A lane is kept open, and ferries use it."),
    (_HARBOUR, "do fishing boats stay in port while the harbour of sandvik is frozen", "True", "The fishing boats wait for spring."),
    (_HARBOUR, "do ferries run to sandvik in january", "True", "January lies between December and March, when ferries use the lane."),
)

CB = samples(
    ("premise", "hypothesis"),
    COMMITMENT,
    (
        "B: We had them both for years. A: Did you ever notice that the older dog was deaf? B: No, not until the end.",
        "the older dog was deaf",
        "entailment",
        "Asking whether someone noticed it takes the deafness for granted, and the answer does too.",
    ),
    (
        "Mira looked at the sky. If it had rained in the night, the path would be wet now, and it was dry as dust.",
        "it had rained in the night",
        "contradiction",
        "The path is dry, so the rain that would have wetted it did not fall.",
    ),
    (
        "Nobody had come to the door for an hour. Perhaps, she thought, they were already at the station.",
        "they were already at the station",
        "neutral",
        "It is only a guess of hers; nothing says whether it is so.",
    ),
)

_COPA = ("premise", "choice1", "choice2", "question")


def _copa(number: int, premise: str, choices: tuple[str, str], question: str, right: int, rationale: str) -> Example:
    fields = dict(zip(_COPA, (premise, *choices, question), strict=True))
    return sample(number, fields, choices[right], rationale, choices)


COPA = (
    _copa(1, "The candle went out.", ("Someone opened the window.", "Someone read a letter."), "cause", 0, "A draught blows candles out."),
    _copa(
        2,
        "The boy dropped the jar.",
        ("The lid came off easily.", "Honey ran over the floor."),
        "effect",
        1,
        "A jar that falls may break and spill.",
    ),
    _copa(
        3,
        "The bus was late.",
        ("A tree lay across the road.", "The driver wore a cap."),
        "cause",
        0,
        "A blocked road holds a bus up; a cap does not.",
    ),
    _copa(
        4,
        "She turned the radio up.",
        ("She heard the news.", "The lamp went on."),
        "effect",
        0,
        "A louder radio can be heard; it lights no lamp.",
    ),
)

_LETTER = (
    "Tomas found the letter on Friday, under the mat. It came from his aunt in Porto, who had sold her bakery and wanted to visit in May. "
    "He answered the same evening and offered her the room over the workshop."
)


def _multirc(number: int, group: str, question: str, answer: str, target: str, rationale: str) -> Example:
    return sample(number, {"paragraph": _LETTER, "question": question, "answer": answer}, target, rationale, TRUTH, group)


MULTIRC = (
    _multirc(1, "letter/q1", "Who wrote to Tomas?", "His aunt", "True", "The letter came from his aunt."),
    _multirc(2, "letter/q1", "Who wrote to Tomas?", "A baker in Lyon", "False", "She is from Porto and has sold her bakery."),
    _multirc(3, "letter/q2", "When did Tomas answer?", "On Friday evening", "True", "He found it on Friday and answered the same evening."),
    _multirc(4, "letter/q2", "When did Tomas answer?", "In May", "False", "May is when she wants to visit."),
)

_REGATTA = (
    "The rowing club of Elmstad won the lake regatta for the third time. Its eight finished two lengths ahead of Norrby, "
    "last year's second. Coach Ines Falk said the crew had trained in the dark since January. Norrby's Karl Oster blamed a broken oar."
)
_ROWERS = ("Elmstad", "Norrby", "Ines Falk", "Karl Oster")


def _record(number: int, query: str, target: str, rationale: str) -> Example:
    return sample(number, {"passage": _REGATTA, "query": query, "entities": ", ".join(_ROWERS)}, target, rationale, _ROWERS, "regatta")


RECORD = (
    _record(
        1,
        "After the race @placeholder spoke of months of training before sunrise.",
        "Ines Falk",
        "She said the crew had trained in the dark.",
    ),
    _record(2, "The boat of @placeholder crossed the line second.", "Norrby", "Elmstad finished ahead of Norrby, so Norrby came second."),
    _record(3, "It was the third title for @placeholder.", "Elmstad", "The club of Elmstad won for the third time."),
)

RTE = samples(
    ("premise", "hypothesis"),
    ENTAILED,
    (
        "The town council of Harrow Green voted on Thursday to plant six hundred trees along the ring road.",
        "Trees will be planted in Harrow Green.",
        "entailment",
        "Six hundred trees along its ring road are trees in the town.",
    ),
    (
        "The town council of Harrow Green voted on Thursday to plant six hundred trees along the ring road.",
        "The ring road of Harrow Green will be closed.",
        "not_entailment",
        "Planting along a road does not say that it is closed.",
    ),
    (
        "Violinist Jun Aoki, born in Sapporo in 1971, now teaches in Vienna.",
        "Jun Aoki was born in Vienna.",
        "not_entailment",
        "He was born in Sapporo; Vienna is where he teaches.",
    ),
)

WIC = samples(
    ("word", "sentence1", "sentence2"),
    TRUTH,
    (
        "bank",
        "They had a picnic on the bank of the river.",
        "She keeps her savings at the bank.",
        "False",
        "First the side of a river, then a house for money.",
    ),
    ("plant", "Water the plant twice a week.", "A rare plant grew between the stones.", "True", "Both times something that grows."),
    ("draw", "The children draw ships with chalk.", "Draw the curtains, please.", "False", "First making a picture, then pulling."),
)


def _wsc(number: int, text: str, span1: str, span2: str, marked: str, target: str, rationale: str) -> Example:
    return sample(number, {"text": text, "span1": span1, "span2": span2, "marked": marked}, target, rationale, TRUTH)


WSC = (
    _wsc(
        1,
        "Paula lent Vera the ladder because she had to mend her roof.",
        "Vera",
        "she",
        "Paula lent *Vera* the ladder because #she# had to mend her roof.",
        "True",
        "Who has a roof to mend needs the ladder, and Vera gets it.",
    ),
    _wsc(
        2,
        "Ida could not hear Mona over the train because she spoke too softly.",
        "Ida",
        "she",
        "*Ida* could not hear Mona over the train because #she# spoke too softly.",
        "False",
        "Who speaks too softly is not heard, and that is Mona.",
    ),
    _wsc(
        3,
        "The stone did not fit on the cart , for it was too heavy.",
        "The stone",
        "it",
        "*The stone* did not fit on the cart , for #it# was too heavy.",
        "True",
        "What is too heavy to be loaded is the stone.",
    ),
)

AXB = samples(
    ("sentence1", "sentence2"),
    ENTAILED,
    ("No guest left before midnight.", "No guest left before ten in the evening.", "entailment", "Ten in the evening is before midnight."),
    (
        "The nurse was thanked by the boy.",
        "The nurse thanked the boy.",
        "not_entailment",
        "Passive: the boy thanked, the nurse was thanked.",
    ),
    ("Ann sang and Ben danced.", "Ben danced.", "entailment", "One half of what was said."),
)


def _axg(number: int, pair: int, premise: str, hypothesis: str, target: str, rationale: str) -> Example:
    return sample(number, {"premise": premise, "hypothesis": hypothesis}, target, rationale, ENTAILED, f"pair {pair}")


AXG = (
    _axg(
        1,
        1,
        "The pilot met the baker after he had landed.",
        "The pilot had landed.",
        "entailment",
        "Pilots land; the pronoun means the pilot.",
    ),
    _axg(
        2,
        1,
        "The pilot met the baker after she had landed.",
        "The pilot had landed.",
        "entailment",
        "Pilots land; the pronoun means the pilot.",
    ),
    _axg(
        3,
        2,
        "The tailor asked the lawyer what his fee was.",
        "The tailor had a fee.",
        "not_entailment",
        "One asks about the other's fee: the lawyer's.",
    ),
    _axg(
        4,
        2,
        "The tailor asked the lawyer what her fee was.",
        "The tailor had a fee.",
        "not_entailment",
        "One asks about the other's fee: the lawyer's.",
    ),
)
