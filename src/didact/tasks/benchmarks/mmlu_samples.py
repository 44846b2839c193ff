"""Sample questions of our own for MMLU: three for each group of subjects."""

from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import sample

Asked = tuple[str, tuple[str, str, str, str], str, str]
"""Question, four options, letter of the right one, rationale."""

SUBJECTS = {
    "mathematics": "abstract_algebra college_mathematics elementary_mathematics high_school_mathematics high_school_statistics "
    "formal_logic econometrics",
    "physics": "astronomy college_physics conceptual_physics high_school_physics",
    "life": "anatomy college_biology high_school_biology college_chemistry high_school_chemistry virology",
    "computing": "college_computer_science computer_security electrical_engineering high_school_computer_science machine_learning",
    "medicine": "clinical_knowledge college_medicine human_aging human_sexuality medical_genetics nutrition professional_medicine",
    "history": "high_school_european_history high_school_us_history high_school_world_history prehistory",
    "law": "international_law jurisprudence professional_law",
    "politics": "high_school_geography high_school_government_and_politics security_studies us_foreign_policy",
    "economy": "business_ethics high_school_macroeconomics high_school_microeconomics management marketing professional_accounting "
    "public_relations",
    "thought": "logical_fallacies moral_disputes moral_scenarios philosophy world_religions",
    "mind": "high_school_psychology professional_psychology sociology",
    "general": "global_facts miscellaneous",
}
"""The 57 subjects by group."""

_ASKED: dict[str, tuple[Asked, Asked, Asked]] = {
    "mathematics": (
        ("What is the sum of the first four odd numbers?", ("10", "12", "16", "20"), "C", "1 + 3 + 5 + 7 = 16."),
        ("A fair coin is thrown twice. How likely are two heads?", ("1/8", "1/4", "1/3", "1/2"), "B", "1/2 times 1/2 is 1/4."),
        ("If P implies Q and Q is false, what follows?", ("P", "Q", "not P", "nothing"), "C", "If P were true, Q would be true; so not P."),
    ),
    "physics": (
        (
            "What does a moving body keep if no force acts on it?",
            ("its height", "its velocity", "its colour", "its charge"),
            "B",
            "That is inertia.",
        ),
        ("Which of these is nearest to the Sun?", ("Mars", "Earth", "Saturn", "Mercury"), "D", "Mercury's orbit is the innermost."),
        (
            "A car drives 150 km in 3 hours. What is its mean speed?",
            ("45 km/h", "50 km/h", "147 km/h", "450 km/h"),
            "B",
            "150 km divided by 3 hours is 50 km/h.",
        ),
    ),
    "life": (
        ("What do plants take from the air to make sugar?", ("helium", "carbon dioxide", "neon", "ozone"), "B", "Photosynthesis binds it."),
        ("Which part of the blood carries oxygen?", ("red cells", "platelets", "salts", "fat"), "A", "Haemoglobin is in the red cells."),
        ("How many atoms does a molecule of water have?", ("1", "2", "3", "4"), "C", "H2O: two of hydrogen and one of oxygen."),
    ),
    "computing": (
        ("How many values can one byte of eight bits hold?", ("8", "64", "128", "256"), "D", "Two to the eighth power is 256."),
        (
            "What makes a password hard to guess?",
            ("length", "a birthday", "a pet's name", "the word 'password'"),
            "A",
            "Each sign multiplies the tries.",
        ),
        (
            "Two resistors of 2 ohm stand in series. What do they make?",
            ("1 ohm", "2 ohm", "4 ohm", "8 ohm"),
            "C",
            "In series they add: 2 + 2.",
        ),
    ),
    "medicine": (
        ("Which vitamin does skin make in sunlight?", ("A", "B12", "C", "D"), "D", "Ultraviolet light starts the making of vitamin D."),
        (
            "Which organ lets insulin into the blood?",
            ("the pancreas", "the spleen", "the lung", "the bladder"),
            "A",
            "Its islets make insulin.",
        ),
        ("How many chromosomes does a human body cell have?", ("23", "44", "46", "48"), "C", "Twenty-three pairs are 46."),
    ),
    "history": (
        (
            "What did people learn to make before bronze?",
            ("steel", "stone tools", "glass lenses", "paper money"),
            "B",
            "The Stone Age came first.",
        ),
        ("In which century did the French Revolution begin?", ("16th", "17th", "18th", "19th"), "C", "It began in 1789."),
        (
            "Which river did ancient Egypt live by?",
            ("the Nile", "the Rhine", "the Ganges", "the Volga"),
            "A",
            "The Nile watered its fields.",
        ),
    ),
    "law": (
        (
            "What does a treaty bind?",
            ("nobody", "the states that agreed to it", "all planets", "only poets"),
            "B",
            "A treaty rests on consent.",
        ),
        (
            "Who decides in a court what the law means?",
            ("the judge", "the witness", "the press", "the clerk"),
            "A",
            "Judges say what law means.",
        ),
        (
            "Ann promises Bob a bicycle for ten coins and Bob pays. What is this?",
            ("a crime", "a contract", "a statute", "a will"),
            "B",
            "A promise in return for a payment is a contract.",
        ),
    ),
    "politics": (
        (
            "What is a government by one hereditary ruler?",
            ("a monarchy", "a republic", "a federation", "a guild"),
            "A",
            "A monarch inherits.",
        ),
        (
            "Which continent has the most states?",
            ("Africa", "Australia", "South America", "Antarctica"),
            "A",
            "Africa has more than fifty.",
        ),
        ("Who makes laws in a parliamentary state?", ("the army", "parliament", "the police", "the bank"), "B", "Making laws is its task."),
    ),
    "economy": (
        (
            "If a good gets scarcer and as many people want it, what does its price do?",
            ("it falls", "it rises", "it stays", "it vanishes"),
            "B",
            "Buyers outbid one another for less of it.",
        ),
        ("A firm earns 90 and spends 70. What is its profit?", ("20", "70", "90", "160"), "A", "90 minus 70 is 20."),
        ("What is a rise of prices all over called?", ("a tariff", "inflation", "a dividend", "a merger"), "B", "Money then buys less."),
    ),
    "thought": (
        (
            "'He is rude, so his proof is wrong.' Which fallacy is this?",
            ("against the person", "false cause", "circle", "slippery slope"),
            "A",
            "It attacks the man and not the proof.",
        ),
        ("In which religion is the Torah holy?", ("Shinto", "Judaism", "Jainism", "Sikhism"), "B", "The Torah is the heart of Judaism."),
        (
            "Which act is clearly wrong by ordinary standards?",
            ("sharing bread", "stealing a cane from a blind man", "reading", "planting a tree"),
            "B",
            "It harms someone for gain.",
        ),
    ),
    "mind": (
        (
            "A dog salivates at a bell that came before food. What is this?",
            ("conditioning", "hunger", "sleep", "instinct"),
            "A",
            "It learned the link.",
        ),
        ("What is a rule that a group expects all to keep?", ("a norm", "a census", "a trait", "a reflex"), "A", "Groups live by norms."),
        (
            "What does short-term memory do?",
            ("it holds a few things briefly", "it dreams", "it digests", "it hears"),
            "A",
            "It is small and brief.",
        ),
    ),
    "general": (
        ("How many days does a leap year have?", ("364", "365", "366", "367"), "C", "February has one day more, so 365 + 1."),
        ("Which of these is a string instrument?", ("flute", "drum", "violin", "horn"), "C", "A violin has strings."),
        ("Which ocean is the largest?", ("Atlantic", "Pacific", "Indian", "Arctic"), "B", "The Pacific covers a third of the globe."),
    ),
}


def samples_of(group: str, subject: str) -> tuple[Example, ...]:
    """Returns the samples of a group as samples of one of its subjects.

    >>> samples_of("general", "global facts")[0].targets
    ('366',)
    """
    return tuple(
        sample(number, {"question": question, "subject": subject}, options["ABCD".index(letter)], rationale, options)
        for number, (question, options, letter, rationale) in enumerate(_ASKED[group], start=1)
    )
