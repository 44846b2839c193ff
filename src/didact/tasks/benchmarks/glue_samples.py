"""Sample rows of the GLUE tasks, of our own writing: demonstrations that can always be shown, each with its reasoning."""

from didact.tasks.benchmarks.benchmark import samples
from didact.tasks.benchmarks.parsing import ENTAILED, NLI, SENTIMENT

ACCEPTABILITY = ("unacceptable", "acceptable")
EQUIVALENT = ("not_equivalent", "equivalent")
DUPLICATE = ("not_duplicate", "duplicate")
NOT_ENTAILED = ("not_entailment", "entailment")
"""WNLI's ids stand the other way round."""

COLA = samples(
    ("sentence",),
    ACCEPTABILITY,
    ("The gardener watered the roses before it got dark.", "acceptable", "Every verb has the subject and object it needs."),
    (
        "The gardener watered before the roses it got dark.",
        "unacceptable",
        "The object has moved away from its verb, into the clause of time.",
    ),
    ("Which door did Nora say that she had painted?", "acceptable", "The question word stands for the object of the last verb."),
    ("Nora put on the shelf.", "unacceptable", "The verb put needs to say what was put there, and nothing does."),
)

SST2 = samples(
    ("sentence",),
    SENTIMENT,
    ("a warm , unhurried story that earns every one of its tears", "positive", "Warm and earning its tears are praise."),
    ("two hours of noise in search of a plot", "negative", "Calling it noise without a plot is a complaint."),
    (
        "the young lead is so good that you forgive the film its clumsy ending",
        "positive",
        "The praise outweighs the clumsy ending, which is forgiven.",
    ),
    (
        "you have seen every one of these jokes before , and they were funnier then",
        "negative",
        "The jokes are neither new nor funny any more.",
    ),
)

MRPC = samples(
    ("sentence1", "sentence2"),
    EQUIVALENT,
    (
        "The bridge was closed on Tuesday after engineers found cracks in two of its pillars .",
        "Engineers found cracks in two pillars , and the bridge was shut on Tuesday .",
        "equivalent",
        "Both tell of the same closing, the same day and the same reason.",
    ),
    (
        "The bridge was closed on Tuesday after engineers found cracks in two of its pillars .",
        "The bridge , built in 1961 , carries 40,000 cars on an ordinary Tuesday .",
        "not_equivalent",
        "The second sentence is about the bridge's age and traffic and does not speak of its closing.",
    ),
    (
        "Shares of the shoe maker rose 4 percent to $ 31.20 in morning trading .",
        "In the morning the shoe maker 's shares gained 4 percent and traded at $ 31.20 .",
        "equivalent",
        "Rise, amount, price and time agree; only the wording differs.",
    ),
)

QQP = samples(
    ("question1", "question2"),
    DUPLICATE,
    (
        "How do I get candle wax out of a tablecloth?",
        "What is the best way to remove candle wax from a tablecloth?",
        "duplicate",
        "An answer to either question answers the other.",
    ),
    (
        "How do I get candle wax out of a tablecloth?",
        "How do I make candles from old wax?",
        "not_duplicate",
        "One asks about cleaning cloth, the other about making candles.",
    ),
    ("How far is the Moon?", "How far is Mars?", "not_duplicate", "The questions are about two different bodies."),
)

STSB = samples(
    ("sentence1", "sentence2"),
    (),
    ("A girl is riding a horse.", "A girl rides a horse.", "5.0", "The two sentences say the same thing."),
    ("A girl is riding a horse.", "A woman is riding a brown horse.", "3.2", "Rider and horse agree roughly; age and colour are details."),
    ("A girl is riding a horse.", "A girl is washing a horse.", "1.8", "The same girl and horse, but another thing is done."),
    ("A girl is riding a horse.", "Two men are repairing a roof.", "0.0", "Nothing in the sentences agrees."),
)

MNLI = samples(
    ("premise", "hypothesis"),
    NLI,
    (
        "The museum, which opened in 1902, shows more than four hundred clocks.",
        "The museum has clocks on show.",
        "entailment",
        "More than four hundred clocks on show are clocks on show.",
    ),
    (
        "yeah we drove up there with the kids last summer",
        "We stayed at the lake for two weeks.",
        "neutral",
        "They drove somewhere; how long they stayed, and whether at a lake, is not said.",
    ),
    (
        "Every seat in the hall was taken long before the concert began.",
        "The hall was half empty when the concert began.",
        "contradiction",
        "A hall in which every seat is taken is not half empty.",
    ),
)

QNLI = samples(
    ("question", "sentence"),
    ENTAILED,
    (
        "In what year was the lighthouse built?",
        "Work on the lighthouse was finished in 1874, two years after the storm.",
        "entailment",
        "The sentence gives the year: 1874.",
    ),
    (
        "In what year was the lighthouse built?",
        "The lighthouse is forty metres tall and painted red and white.",
        "not_entailment",
        "The sentence gives height and colours and no year.",
    ),
    (
        "Who designed the city's first park?",
        "Its first park was laid out by the botanist Ada Brandt.",
        "entailment",
        "Laying a park out is designing it, and Ada Brandt did.",
    ),
)

RTE = samples(
    ("sentence1", "sentence2"),
    ENTAILED,
    (
        "The ferry company Nordlinje said on Monday that it will sell three of its ships to a Greek rival.",
        "Nordlinje plans to sell ships.",
        "entailment",
        "It says that it will sell three ships, so it plans to sell ships.",
    ),
    (
        "The ferry company Nordlinje said on Monday that it will sell three of its ships to a Greek rival.",
        "Nordlinje bought three Greek ships.",
        "not_entailment",
        "The company sells ships to a Greek firm and buys none.",
    ),
    (
        "Farmers in the valley expect a poor harvest after eleven weeks without rain.",
        "Last year's harvest in the valley was good.",
        "not_entailment",
        "Only this year's harvest is spoken of.",
    ),
)

WNLI = samples(
    ("sentence1", "sentence2"),
    NOT_ENTAILED,
    (
        "The box would not go into the cupboard because it was too wide.",
        "The box was too wide.",
        "entailment",
        "What is too wide to go in is the box, so it means the box.",
    ),
    (
        "The box would not go into the cupboard because it was too wide.",
        "The cupboard was too wide.",
        "not_entailment",
        "A wide cupboard would not keep the box out, so it does not mean the cupboard.",
    ),
    (
        "Lena thanked Ruth for the help that she had given.",
        "Ruth had given help.",
        "entailment",
        "Thanks go to the one who helped, so she means Ruth.",
    ),
)

AX = samples(
    ("premise", "hypothesis"),
    NLI,
    ("The cat is not asleep.", "The cat is asleep.", "contradiction", "The two differ by a negation."),
    ("Some birds sang.", "Some small birds sang.", "neutral", "Whether the birds that sang were small is not said."),
    (
        "Nobody in the choir owns a car.",
        "No tenor in the choir owns a red car.",
        "entailment",
        "What holds of nobody and no car holds of these.",
    ),
)
