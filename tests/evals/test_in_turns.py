"""Questions answered turn by turn: each further turn behind the model's own answers; nothing that was answered is asked again."""

import pytest
import torch
from tiny import MODELS, random_model, tokeniser

from didact.answering import FASTCHAT, drawing
from didact.base.errors import ModelError
from didact.base.types import Conversation, Message, Origin
from didact.evals.in_turns import Manner, Written, answered
from didact.evals.user_instructions import Item
from didact.models.answer_log import AnswerLog
from didact.models.load import Loaded
from didact.models.local import LocalModel

ITEMS = (
    Item("1", ("the cat sleeps",)),
    Item("2", ("a dog runs", "say it twice"), category="writing"),
    Item("3", ("the bird sings", "one two", "three"), category="math"),
)
MANNER = Manner(200, 12)


@pytest.fixture
def model():
    return LocalModel(Loaded(random_model(MODELS["llama"], scale=2.0), tokeniser()), torch.device("cpu"), "fp32")


def alone(model, *said):
    """What the model answers to a conversation by itself: user, assistant, user ..."""
    messages = tuple(Message(("user", "assistant")[place % 2], text) for place, text in enumerate(said))
    prompt = model.tokeniser.prompt(Conversation(messages, Origin("x", "")), 200)
    return model.generate([prompt.input_ids], max_new_tokens=12)[0].text


def test_a_further_turn_is_asked_behind_the_models_own_answers(model):
    said, num_known = answered(model, ITEMS, MANNER)
    assert ([len(one) for one in said], num_known) == ([1, 2, 3], 0)
    first, second, third = (written.text for written in said[2])
    assert len({first, second, third}) == 3
    assert first == alone(model, "the bird sings")
    assert second == alone(model, "the bird sings", first, "one two")
    assert third == alone(model, "the bird sings", first, "one two", second, "three")
    assert said[0][0].text == alone(model, "the cat sleeps")


def test_what_was_answered_is_not_asked_again_and_an_interrupted_asking_ends_as_a_whole_one(model, tmp_path, monkeypatch):
    whole, _ = answered(model, ITEMS, MANNER)
    asked = []
    with AnswerLog(tmp_path / "log") as model.answers:
        half = model.generate

        def torn(prompts, **settings):
            asked.append(len(prompts))
            if len(asked) == 2:
                raise KeyboardInterrupt
            return half(prompts, **settings)

        monkeypatch.setattr(model, "generate", torn)
        with pytest.raises(KeyboardInterrupt):
            answered(model, ITEMS, MANNER)
    monkeypatch.undo()
    told = []
    with AnswerLog(tmp_path / "log") as model.answers:
        assert answered(model, ITEMS, MANNER, done=told.append) == (whole, 3)  # the three first turns were kept
        assert sum(told) == 6
        assert answered(model, ITEMS, MANNER) == (whole, 6)
        assert answered(model, ITEMS, Manner(200, 8))[1] == 0  # shorter answers are others


def test_a_drawn_answer_depends_on_its_question_and_seed_alone(model, tmp_path):
    def drawn(items, seed):
        manner = Manner(200, 12, steer=drawing(model.tokeniser, 1.5, seed), drawn=f"1.5 {seed}")
        return answered(model, items, manner)

    said, _ = drawn(ITEMS, 0)
    assert said == drawn(ITEMS[::-1], 0)[0][::-1]
    assert said[1:2] == drawn(ITEMS[1:2], 0)[0]
    assert said != drawn(ITEMS, 1)[0] != answered(model, ITEMS, MANNER)[0]
    with AnswerLog(tmp_path / "log") as model.answers:
        assert (drawn(ITEMS, 0), drawn(ITEMS, 0)) == ((said, 0), (said, 6))
        assert drawn(ITEMS, 1)[1] == 0


def test_fastchats_temperatures_are_the_categories_own(model):
    # Of writing 0.7, of math 0: what is not drawn is the likeliest.
    assert (FASTCHAT["writing"], FASTCHAT["math"]) == (0.7, 0.0)
    likeliest, _ = answered(model, ITEMS, MANNER)
    drawn, _ = answered(model, ITEMS, Manner(200, 12, steer=drawing(model.tokeniser, None, 0), drawn="fastchat 0"))
    assert drawn[2] == likeliest[2]
    assert drawn[1] != likeliest[1]
    assert drawing(model.tokeniser, 0.0, 0) is None


def test_what_does_not_fit_is_cut_and_counted_and_what_cannot_be_asked_says_why(model):
    said, _ = answered(model, ITEMS, Manner(64, 32))
    assert [written.num_cut for written in said[0]] == [0]
    assert said[2][2].num_cut > 0  # two turns, two answers of 32 tokens and a third turn in 32
    with pytest.raises(ModelError, match=r"turn 1 of 'the cat sleeps' cannot be asked: a prompt does not fit into 2 tokens"):
        answered(model, ITEMS, Manner(4, 2))


def test_tokens_that_a_model_was_never_given_are_left_out_of_what_it_is_asked(model, monkeypatch):
    seen = []
    whole = model.generate
    monkeypatch.setattr(model, "generate", lambda prompts, **settings: seen.extend(prompts) or whole(prompts, **settings))
    answered(model, ITEMS[:1], MANNER)
    left_out = int(seen[0][3])
    answered(model, ITEMS[:1], MANNER, without=[left_out])
    assert [token for token in seen[0].tolist() if token != left_out] == seen[1].tolist()


def test_no_questions_are_no_answers(model):
    assert answered(model, (), MANNER) == ([], 0)
    assert Written("a", "stop", 1).num_cut == 0
