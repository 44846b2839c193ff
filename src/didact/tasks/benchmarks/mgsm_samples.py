"""Three sums of our own in words, in the eleven languages of MGSM."""

from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import sample

WORKED = (("5", "3 + 2 = 5."), ("12", "3 × 4 = 12."), ("6", "10 - 4 = 6."))
"""Answer and rationale of the first, second and third question: figures are the same in every language."""

QUESTIONS: dict[str, tuple[str, str, str]] = {
    "bn": (
        "লীনার 3টি আপেল আছে। সে আরও 2টি আপেল কেনে। তার কাছে মোট কয়টি আপেল আছে?",
        "একটি বাক্সে 4টি কলম থাকে। 3টি বাক্সে কয়টি কলম থাকে?",
        "রবির 10টি বল ছিল। সে 4টি বল হারিয়েছে। তার কাছে কয়টি বল আছে?",
    ),
    "de": (
        "Lena hat 3 Äpfel. Sie kauft 2 weitere. Wie viele Äpfel hat sie nun?",
        "In einer Schachtel sind 4 Stifte. Wie viele Stifte sind in 3 Schachteln?",
        "Rob hatte 10 Bälle. Er hat 4 verloren. Wie viele Bälle hat er noch?",
    ),
    "en": (
        "Lena has 3 apples. She buys 2 more. How many apples does she have now?",
        "A box holds 4 pens. How many pens are in 3 boxes?",
        "Rob had 10 balls. He lost 4. How many balls does he have left?",
    ),
    "es": (
        "Lena tiene 3 manzanas. Compra 2 más. ¿Cuántas manzanas tiene ahora?",
        "En una caja hay 4 bolígrafos. ¿Cuántos bolígrafos hay en 3 cajas?",
        "Rob tenía 10 pelotas. Perdió 4. ¿Cuántas pelotas le quedan?",
    ),
    "fr": (
        "Lena a 3 pommes. Elle en achète 2 de plus. Combien de pommes a-t-elle maintenant ?",
        "Une boîte contient 4 stylos. Combien de stylos y a-t-il dans 3 boîtes ?",
        "Rob avait 10 balles. Il en a perdu 4. Combien de balles lui reste-t-il ?",
    ),
    "ja": (
        "レナはりんごを3個持っています。さらに2個買いました。今りんごは全部で何個ありますか？",
        "1つの箱にペンが4本入っています。3つの箱にはペンが何本ありますか？",
        "ロブはボールを10個持っていました。4個なくしました。ボールは何個残っていますか？",
    ),
    "ru": (
        "У Лены 3 яблока. Она покупает ещё 2. Сколько яблок у неё теперь?",
        "В коробке 4 ручки. Сколько ручек в 3 коробках?",
        "У Роба было 10 мячей. Он потерял 4. Сколько мячей у него осталось?",
    ),
    "sw": (
        "Lena ana matufaha 3. Ananunua mengine 2. Sasa ana matufaha mangapi?",
        "Sanduku moja lina kalamu 4. Kuna kalamu ngapi katika masanduku 3?",
        "Rob alikuwa na mipira 10. Alipoteza 4. Amebaki na mipira mingapi?",
    ),
    "te": (
        "లీనా దగ్గర 3 ఆపిల్స్ ఉన్నాయి. ఆమె ఇంకా 2 కొన్నది. ఇప్పుడు ఆమె దగ్గర ఎన్ని ఆపిల్స్ ఉన్నాయి?",
        "ఒక పెట్టెలో 4 పెన్నులు ఉన్నాయి. 3 పెట్టెలలో ఎన్ని పెన్నులు ఉంటాయి?",
        "రాబ్ దగ్గర 10 బంతులు ఉన్నాయి. అతను 4 పోగొట్టుకున్నాడు. ఇంకా ఎన్ని బంతులు ఉన్నాయి?",
    ),
    "th": (
        "ลีนามีแอปเปิล 3 ผล เธอซื้อเพิ่มอีก 2 ผล ตอนนี้เธอมีแอปเปิลกี่ผล",
        "กล่องหนึ่งมีปากกา 4 ด้าม กล่อง 3 กล่องมีปากกากี่ด้าม",
        "ร็อบมีลูกบอล 10 ลูก เขาทำหาย 4 ลูก เขาเหลือลูกบอลกี่ลูก",
    ),
    "zh": (
        "莉娜有3个苹果。她又买了2个。她现在有几个苹果？",
        "一个盒子里有4支笔。3个盒子里有几支笔？",
        "罗布有10个球。他丢了4个。他还剩几个球？",
    ),
}
"""By language code."""


def sums(language: str) -> tuple[Example, ...]:
    """Returns the three questions of a language as samples.

    >>> sums("en")[1].targets
    ('12',)
    """
    both = zip(QUESTIONS[language], WORKED, strict=True)
    return tuple(sample(number, {"question": asked}, answer, why) for number, (asked, (answer, why)) in enumerate(both, start=1))
