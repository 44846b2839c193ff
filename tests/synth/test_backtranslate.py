"""Back-translation as a program: requests for texts, curation by expected ratings, and the rows that its models are trained on."""

import random
from math import exp, log

import pytest

from didact.base.errors import DataError
from didact.synth.ask import Failed, Reply
from didact.synth.backtranslate import backtranslate, curate, parse_request, seed_rows, tagged, without_tag
from didact.synth.direct import answered
from didact.synth.job import Job
from didact.synth.outcome import Row

BODY = "The river number {n} begins in the hills, {n} miles away. " + " ".join(
    f"Then it passes bridge {b} of town {b}." for b in "ABCDEFGH"
)
TEXTS = [Row(f"web/{n}", about={"text": f"# River {n}\n\n{BODY.format(n=n)}\n\n# MENUS HERE\n\nHome."}) for n in range(6)]
SMALL = {"shortest": 50, "longest": 2000}


def rated(level: int, sureness: float = 0.9) -> Reply:
    others = {str(other): log((1 - sureness) / 4) for other in range(1, 6) if other != level}
    return Reply(str(level), top_logprobs=({str(level): log(sureness), **others},))


def teacher(ask):
    return rated(5, 0.99) if ask.stage == "rate" else "Instruction: Where does this river begin?"


@pytest.mark.parametrize(
    ("reply", "request_"),
    [
        ("How do rivers begin?", "How do rivers begin?"),
        ("Instruction: How do rivers begin?", "How do rivers begin?"),
        ("**Request:**\nHow do rivers begin?", "How do rivers begin?"),
        ("### Question\n: How do rivers begin?", "How do rivers begin?"),
        ('Sure! Here is the request:\n\n"How do rivers begin?"', "How do rivers begin?"),
        ("User: How do rivers begin?", "How do rivers begin?"),
        ("What was asked: How do rivers begin?", "How do rivers begin?"),
    ],
)
def test_a_request_is_read_in_every_form(reply, request_):
    assert parse_request(reply) == (request_, "")


@pytest.mark.parametrize(
    ("reply", "finish", "fault"),
    [
        ("", "stop", "no request in the reply"),
        ("...", "stop", "no request in the reply"),
        ("How do", "length", "cut off"),
        ("a " * 151, "stop", "request longer than 150 words"),
    ],
)
def test_replies_without_a_request_are_refused(reply, finish, fault):
    assert parse_request(reply, finish)[1] == fault


def test_segments_get_requests_and_refused_ones_are_in_the_account():
    outcome = answered(backtranslate(Job(num_rows=4, examples=TEXTS, settings=SMALL)), teacher)
    counts = outcome.counts()
    assert counts["num_kept"] == 4
    assert counts["dropped"] == {"heading in capitals": 3}  # those of the documents before the last one that was needed
    row = outcome.rows[0]
    assert row.messages[0].content == "Where does this river begin?\n\nAnswer with what can be read on the web."
    assert row.messages[1].content.startswith("The river number")
    assert row.parents[0] in {text.id for text in TEXTS}
    assert row.scores["rating"] == pytest.approx(4.975)  # 5 - 0.0025 (1 + 2 + 3 + 4)


def test_an_uncertain_five_is_below_four_and_a_half():
    outcome = answered(
        backtranslate(Job(num_rows=2, examples=TEXTS, settings=SMALL)), lambda ask: rated(5, 0.7) if ask.stage == "rate" else teacher(ask)
    )
    # 0.7 * 5 + 0.075 * (1 + 2 + 3 + 4) = 4.25
    assert outcome.counts()["dropped"]["rated below 4.5"] == 2
    assert [one.row.scores["rating"] for one in outcome.dropped if one.row.scores] == pytest.approx([4.25, 4.25])


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("5"), "no token probabilities: set num_samples"),
        (Reply("91", top_logprobs=({"9": -0.1}, {"1": -0.1})), "no rating in the reply"),
        (Reply("I like it", top_logprobs=({"I": -0.1},)), "no rating in the reply"),
    ],
)
def test_free_text_is_never_a_rating(reply, reason):
    outcome = answered(curate(Job(num_rows=3, examples=TEXTS)), lambda ask: reply)
    assert outcome.counts()["dropped"] == {reason: 3}


def test_without_probabilities_drawn_ratings_can_stand_in():
    asks = []

    def draw(ask):
        asks.append(ask)
        return "5" if ask.sample < 3 else "4"

    outcome = answered(curate(Job(num_rows=1, settings={"num_samples": 4})), draw)
    assert outcome.rows[0].scores["rating"] == 4.75
    assert [(ask.sample, ask.sampling.temperature) for ask in asks] == [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0)]


def test_strict_asks_for_reasons_and_reads_the_last_level():
    places = tuple({token: -0.01} for token in ("It", " has", " 1", " fault", ".", "\n", "Score", ":", " 5"))
    outcome = answered(curate(Job(num_rows=1, strict=True)), lambda ask: Reply("It has 1 fault.\nScore: 5", top_logprobs=places))
    assert outcome.rows[0].scores["rating"] == 5


@pytest.mark.parametrize("stage", ["request", "rate"])
def test_failed_requests_are_counted(stage):
    def failing(ask):
        return Failed("timeout") if ask.stage == stage else teacher(ask)

    outcome = answered(backtranslate(Job(num_rows=2, examples=TEXTS, settings=SMALL)), failing)
    assert outcome.counts()["failed"] == {"failed: timeout": 2}


def test_a_request_copied_from_the_text_is_refused():
    outcome = answered(backtranslate(Job(num_rows=1, examples=TEXTS, settings=SMALL)), lambda ask: "Then it passes bridge A of town A.")
    assert outcome.counts()["dropped"]["request is copied from the text"] == 1


def test_the_backward_models_rows_are_what_it_is_asked():
    # What seed_rows trains, backtranslate asks: the same wording around the answer.
    row = answered(seed_rows(Job(num_rows=1, settings={"direction": "backward"})), teacher).rows[0]
    asks = []
    text = str(TEXTS[0].about["text"]).split("\n\n")[1]

    def listen(ask):
        asks.append(ask)
        return "Where?"

    answered(backtranslate(Job(num_rows=1, examples=TEXTS[:1], settings={**SMALL, "curate": False})), listen)
    assert len(asks) == 1
    assert asks[0].messages[0].content.replace(text, "") == row.messages[0].content.replace(str(row.about["output"]), "")
    assert row.messages[1].content == str(row.about["instruction"]) + ("\n\n" if row.about["input"] else "") + str(row.about["input"])


def test_forward_rows_have_the_tag_of_people_and_curation_sees_none():
    row = answered(seed_rows(Job(num_rows=1)), teacher).rows[0]
    assert row.messages[0].content.endswith("Answer as a helpful assistant does.")
    seen = []

    def listen(ask):
        seen.append(ask.messages[0].content)
        return rated(5)

    candidate = Row("web/1@0", row.messages)
    kept = answered(curate(Job(examples=[candidate], settings={"least": 4.0})), listen).rows[0]
    assert "helpful assistant does" not in seen[0]
    assert kept.id == "web/1@0"
    assert kept.messages[0].content.endswith("on the web.")
    assert without_tag(tagged("a", "seed")) == without_tag("a") == "a"


def test_texts_are_needed():
    with pytest.raises(DataError, match="no texts"):
        answered(backtranslate(Job()), teacher)


def test_shown_seed_tasks_stand_before_the_text_answer_first():
    asks = []

    def listen(ask):
        asks.append(ask)
        return teacher(ask)

    answered(backtranslate(Job(num_rows=1, examples=TEXTS, settings={**SMALL, "num_shown": 2})), listen)
    assert [message.role for message in asks[0].messages] == ["user", "assistant", "user", "assistant", "user"]


# A made world: a pair is good or it is not, and the judge believes so with some doubt. Half of its replies have words before the number.
def scorer(truth):
    def rate(ask):
        name = ask.messages[0].content.split("Request:\n")[1].split("\n")[0]
        rand = random.Random(name)
        belief = rand.gauss(5.0 if truth[name] else 4.1, 0.35)
        weights = [exp(-((level - belief) ** 2) / 0.4) for level in range(1, 6)]
        place = {str(level): log(weight / sum(weights)) for level, weight in zip(range(1, 6), weights, strict=True)}
        digit = max(place, key=lambda token: place[token])
        if rand.random() < 0.45:
            return Reply(f"This deserves a {digit}.", top_logprobs=(*({word: -0.01} for word in ("This", " deserves", " a")), place))
        return Reply(digit, top_logprobs=(place,))

    return rate


def test_the_expected_rating_finds_all_that_a_written_digit_alone_would_and_the_bar_can_be_set_between_levels():
    truth = {f"Ask {number}?": number % 3 == 0 for number in range(900)}
    rows = [Row(name, about={"instruction": name, "output": "So."}) for name in truth]
    written = dict[str, str]()

    def rate(ask):
        reply = scorer(truth)(ask)
        written[ask.messages[0].content.split("Request:\n")[1].split("\n")[0]] = reply.text
        return reply

    def kept(least):
        outcome = answered(curate(Job(num_rows=900, examples=rows, settings={"least": least})), rate)
        return told({str(row.about["instruction"]) for row in outcome.rows})

    def told(chosen):
        right = sum(truth[name] for name in chosen)
        return right / len(chosen), right / 300

    precision, recall = kept(4.5)
    digit_precision, digit_recall = told({name for name, text in written.items() if text == "5"})
    assert precision == pytest.approx(digit_precision, abs=0.05)  # a five is what 4.5 rounds to
    assert recall == pytest.approx(digit_recall / 0.55, abs=0.05)  # but 45 % of the replies say more than the digit
    assert recall > 0.9
    higher = kept(4.7)
    assert higher[0] > precision + 0.1
