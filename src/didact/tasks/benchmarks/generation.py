"""Texts to write: XSum, CNN/DailyMail, CommonGen, E2E."""

from collections.abc import Mapping
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import Benchmark, Hub, samples
from didact.tasks.benchmarks.file_shapes import T0_ROWS, one_input_many_answers, worded_rows
from didact.tasks.benchmarks.parsing import row_id, text_of, texts_of


def parse_xsum(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of XSum: a report and its summary in one sentence.

    Source: Narayan et al. (2018), Don't give me the details, just the summary, arXiv 1808.08745.
    """
    return Example(row_id(row), {"document": text_of(row, "document")}, (text_of(row, "summary"),))


def parse_cnn(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of CNN/DailyMail: a report and its highlights, one to a line.

    Source: Hermann et al. (2015), arXiv 1506.03340; See et al. (2017), arXiv 1704.04368.
    """
    return Example(row_id(row), {"article": text_of(row, "article")}, (text_of(row, "highlights"),))


def parse_common_gen(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of CommonGen: the concepts joined by commas, and a sentence with all of them.

    Rows of the authors have `concept_set` and all sentences (`scene`) at once, and reasons; the hub has a row for each sentence.

    Source: Lin et al. (2020), CommonGen, arXiv 1911.03705.

    >>> parse_common_gen({"concept_set": "ski#hill", "scene": ["He skis down a hill.", "Ski the hill."]}).targets
    ('He skis down a hill.', 'Ski the hill.')
    """
    concepts, said, reasons = row.get("concepts"), row.get("scene"), row.get("reason")
    names = concepts if isinstance(concepts, list) else text_of(row, "concepts", "concept_set").replace("#", ",").split(",")
    words = texts_of(names, "concepts")
    if len(words) < 2:
        raise DataError("fewer than two concepts")
    targets = _each_once(said) if isinstance(said, list) else (text_of(row, "target", "scene"),)
    reason = next((reason.strip() for reason in reasons if isinstance(reason, str)), "") if isinstance(reasons, list) else ""
    return Example("", {"concepts": ", ".join(words)}, targets, rationale=reason)


def parse_e2e(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row of E2E: a meaning such as `name[Zizzi], food[Fish]`, and every text that says it.

    Source: Novikova et al. (2017), The E2E dataset, arXiv 1706.09254.
    """
    said = row.get("answers", row.get("references"))
    # The collection GEM gives a list of references, which is empty in its split train, where the text is the target.
    targets = _each_once(said) if isinstance(said, list) and said else (text_of(row, "human_reference", "target", "ref"),)
    return Example("", {"meaning": text_of(row, "input", "meaning_representation", "mr")}, targets)


def _each_once(said: list[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts_of(said, "answers")))


XSUM = Benchmark(
    name="xsum",
    fields=("document",),
    parse=parse_xsum,
    metrics=("rouge_l",),
    cluster="summarization",
    datasets=("xsum",),
    licence="not stated (texts of the BBC)",
    definition="Sum a news report up in one sentence.",
    samples=samples(
        ("document",),
        (),
        (
            "The old bridge at Hill Road was closed on Monday. Engineers had found cracks in two pillars. The council says that repairs "
            "will take until spring. Buses go by Mill Lane.",
            "A bridge has been closed until spring because of cracks in its pillars.",
            "What happened is the closing, why is the cracks, and how long is until spring.",
        ),
        (
            "Rosa Vik, 17, won the national swimming title on Saturday. She began to swim two years ago after an injury ended her running. "
            "Her coach called the win a surprise.",
            "A 17-year-old who took up swimming two years ago has won the national title.",
            "The news is the win, and what makes it news is how late she began.",
        ),
        (
            "Shoppers queued from six in the morning at the last bookshop of Port Ellis. The owner, who retires, sold everything at half "
            "price. By noon the shelves were empty.",
            "The last bookshop of Port Ellis sold out on its final day.",
            "Queue, prices and empty shelves all say that the shop closes.",
        ),
    ),
    hub=Hub("EdinburghNLP/xsum"),
    files=("{split}.jsonl", f"{T0_ROWS}/xsum_DOC_boils_down_to_simple_idea_that.jsonl"),
    read=worded_rows(r"(?P<document>.*)\nThis boils down to the simple idea that\s*", "summary", "xsum_DOC"),
)
CNN_DAILYMAIL = Benchmark(
    name="cnn_dailymail",
    fields=("article",),
    parse=parse_cnn,
    metrics=("rouge_l",),
    cluster="summarization",
    datasets=("cnn_dailymail",),
    licence="Apache-2.0 (code); texts of CNN and the Daily Mail",
    definition="Write the highlights of a news report, one to a line.",
    samples=samples(
        ("article",),
        (),
        (
            "A storm tore the roof off the school in Ness on Sunday night. Nobody was hurt, as the building was empty. Lessons will be "
            "held in the town hall until the roof is mended, the head teacher said.",
            "Storm tears roof off school in Ness .\nNobody was hurt .\nLessons move to the town hall .",
            "The three things that a reader has to know are the damage, the people and what comes next.",
        ),
        (
            "Two hikers who had been missing since Friday were found on Tuesday. They had lived on berries and melted snow. A farmer heard "
            "them shout and called for help.",
            "Two missing hikers are found after four days .\nThey lived on berries and snow .",
            "From Friday to Tuesday are four days; how they lived is the second point.",
        ),
        (
            "The city will plant 5,000 trees this year, the mayor announced. They are to cool the streets in summer. Schools may each "
            "choose one kind of tree.",
            "City plants 5,000 trees to cool its streets .\nSchools may choose a kind of tree .",
            "Plan and reason make one point, the schools' part another.",
        ),
    ),
    hub=Hub("abisee/cnn_dailymail", "3.0.0"),
    files=("{split}.jsonl", "{split}.csv", f"{T0_ROWS}/cnn_dailymail_3_0_0_2_or_3_sentences.jsonl"),
    read=worded_rows(
        r"In 2 or 3 sentences, what are the main points one should remember from this news article\?\n\nArticle: (?P<article>.*)",
        "highlights",
        "cnn_dailymail_3_0_0",
    ),
)
COMMON_GEN = Benchmark(
    name="common_gen",
    fields=("concepts",),
    parse=parse_common_gen,
    metrics=("rouge_l",),
    cluster="structure_to_text",
    datasets=("common_gen",),
    licence="MIT",
    definition="Write a sentence about an everyday scene that uses all given words.",
    samples=samples(
        ("concepts",),
        (),
        ("dog, ball, catch", "The dog jumps up to catch the ball.", "Dogs catch balls in play."),
        ("woman, bread, cut, knife", "A woman cuts bread with a knife.", "A knife is what cuts, and bread is what is cut."),
        ("boat, river, row", "Two friends row a boat down the river.", "One rows a boat, and boats are on rivers."),
    ),
    hub=Hub("allenai/common_gen"),
    files=(
        "commongen.{split}.jsonl",
        "commongen_data/commongen.{split}.jsonl",
        f"{T0_ROWS}/common_gen_Given_concepts_type_1.jsonl",
    ),
    read=worded_rows(
        r"Given the list of concepts: (?P<concepts>.*?); \nGenerate a sentence with all the concepts :\s*", "target", "common_gen_Given"
    ),
)
E2E_NLG = Benchmark(
    name="e2e_nlg",
    fields=("meaning",),
    parse=parse_e2e,
    metrics=("rouge_l",),
    cluster="structure_to_text",
    datasets=("e2e_nlg",),
    licence="CC BY-SA 4.0",
    definition="Describe a restaurant in words, with everything that a list of its properties says.",
    samples=samples(
        ("meaning",),
        (),
        (
            "name[The Anchor], food[Fish], area[riverside]",
            "The Anchor serves fish by the river.",
            "Name, food and area are all said.",
        ),
        (
            "name[Green Leaf], eatType[coffee shop], familyFriendly[yes]",
            "Green Leaf is a coffee shop where families are welcome.",
            "familyFriendly[yes] means that families are welcome.",
        ),
        (
            "name[Oven 9], priceRange[cheap], customer rating[low]",
            "Oven 9 is cheap and has a low rating.",
            "The price is cheap and the rating low.",
        ),
    ),
    hub=Hub("tuetschek/e2e_nlg"),
    files=("{split}set.csv", "{split}set_w_refs.csv", "e2e-dataset/{split}set.csv", "e2e-dataset/{split}set_w_refs.csv"),
    read=one_input_many_answers,
)
