"""Sample rows of our own for the chain-of-thought sets, in the shape of their files: question, answer, rationale."""

from didact.tasks.benchmarks.bbh_series import options
from didact.tasks.benchmarks.flan_cot_own import SAID, with_options

Row = tuple[str, str, str]
"""Question, answer, rationale."""


def _claim(claim: str) -> str:
    return with_options(f'Claim: "{claim}"\nIs the claim true?', ("yes", "no"))


def _pair(first: str, second: str) -> str:
    return with_options("Which of these two sentences is against common sense?", (f'Sentence A: "{first}"', f'Sentence B: "{second}"'))


def _follows(premise: str, hypothesis: str) -> str:
    return with_options(f'Premise: "{premise}"\nHypothesis: "{hypothesis}"\nDoes the hypothesis follow from the premise?', SAID)


def _article(text: str, question: str) -> str:
    return f"{text}\n\nQuestion: {question}"


ROWS: dict[str, tuple[Row, Row, Row]] = {
    "aqua": (
        (
            options("A shirt of 40 coins is sold for 10% less. What does it cost?", "30 / 34 / 36 / 38 / 44"),
            "(C)",
            "10% of 40 is 4; 40 - 4 = 36.",
        ),
        (options("Six workers need 4 days. How long do three need?", "2 / 4 / 6 / 8 / 12"), "(D)", "6 * 4 = 24 days of work; 24 / 3 = 8."),
        (options("What is the mean of 2, 6 and 10?", "4 / 5 / 6 / 8 / 9"), "(C)", "2 + 6 + 10 = 18; 18 / 3 = 6."),
    ),
    "creak": (
        (_claim("Penguins build their nests in the tops of trees."), "no", "Penguins cannot fly and nest on the ground."),
        (_claim("One can buy stamps at a post office."), "yes", "Post offices sell stamps for letters."),
        (_claim("Venice can be visited by boat."), "yes", "Venice is built on islands and has canals for streets."),
    ),
    "ecqa": (
        (
            with_options("Where do you put dirty plates?", ("sink", "wardrobe", "mailbox", "garden", "bed")),
            "sink",
            "Plates are washed in a sink. Wardrobes, mailboxes, gardens and beds are not for washing.",
        ),
        (
            with_options("What do people wear when it rains?", ("swimsuit", "raincoat", "crown", "skates", "medal")),
            "raincoat",
            "A raincoat keeps water off. The others do not.",
        ),
        (
            with_options("What do you use to write on paper?", ("spoon", "pen", "pillow", "shoe", "rope")),
            "pen",
            "A pen leaves ink on paper. The others leave nothing.",
        ),
    ),
    "esnli": (
        (_follows("A girl rides a horse.", "A girl is on an animal."), "yes", "A horse is an animal, and who rides it is on it."),
        (_follows("A man reads on a bench.", "A man sleeps."), "no", "Nobody reads while asleep."),
        (
            _follows("Two women run in a park.", "The women are sisters."),
            "it is not possible to tell",
            "Women who run together need not be sisters.",
        ),
    ),
    "gsm8k": (
        ("Nils has 12 eggs and breaks a quarter of them. How many are whole?", "9", "Nils breaks 12 / 4 = 3 eggs. 12 - 3 = 9 are whole."),
        ("A bus has 9 rows of 4 seats. 30 people sit. How many seats are free?", "6", "There are 9 * 4 = 36 seats. 36 - 30 = 6 are free."),
        ("Yara earns $7 an hour and works 6 hours. She spends $12. What is left?", "30", "Yara earns 7 * 6 = $42. 42 - 12 = $30 is left."),
    ),
    "qasc": (
        (
            with_options(
                "What keeps polar bears warm?",
                ("(A) fat", "(B) ice", "(C) wind", "(D) snow", "(E) sand", "(F) rain", "(G) fog", "(H) fish"),
            ),
            "(A)",
            "Polar bears have thick fat. Fat keeps heat in. Fat keeps polar bears warm.",
        ),
        (
            with_options(
                "What do roots take in?", ("(A) light", "(B) sound", "(C) water", "(D) wool", "(E) salt", "(F) air", "(G) oil", "(H) glass")
            ),
            "(C)",
            "Roots grow in wet soil. Roots take in what is wet in soil. Roots take in water.",
        ),
        (
            with_options(
                "What can a bat find in the dark by echo?",
                ("(A) smells", "(B) colours", "(C) clouds", "(D) stars", "(E) names", "(F) insects", "(G) hours", "(H) maps"),
            ),
            "(F)",
            "Bats find prey by echo. Insects are prey of bats. Bats find insects by echo.",
        ),
    ),
    "qed": (
        (
            _article("The lighthouse of Skagen was built in 1858. It is 46 metres high.", "How high is the lighthouse of Skagen?"),
            "46 metres",
            'The text says: "It is 46 metres high." It is the lighthouse of Skagen.',
        ),
        (
            _article("Marta Holm wrote the song. Her brother sang it first.", "Who sang Marta Holm's song first?"),
            "Her brother",
            'The text says: "Her brother sang it first." It is the song that Marta Holm wrote.',
        ),
        (
            _article("The river rises in the hills and ends in the Baltic Sea.", "Where does the river end?"),
            "the Baltic Sea",
            'The text says that the river "ends in the Baltic Sea".',
        ),
    ),
    "sensemaking": (
        (
            _pair("He put the milk into the fridge.", "He put the fridge into the milk."),
            "Sentence B",
            "A fridge is larger than milk can hold.",
        ),
        (_pair("She ate a stone for lunch.", "She ate soup for lunch."), "Sentence A", "Stones cannot be eaten."),
        (_pair("Fish live in water.", "Fish live in ovens."), "Sentence B", "Fish need water, and ovens are hot and dry."),
    ),
    "strategyqa": (
        (
            "Could a giraffe stand upright in a usual kitchen?",
            "no",
            "Giraffes are about five metres tall. A kitchen is about two and a half high.",
        ),
        ("Did people in 1500 send telegrams?", "no", "The telegraph was invented about 1840. 1500 is long before 1840."),
        (
            "Can one see the Atlantic Ocean from Lisbon's coast?",
            "yes",
            "Lisbon is in Portugal. Portugal's coast lies on the Atlantic Ocean.",
        ),
    ),
}
"""By set."""
