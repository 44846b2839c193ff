"""A short passage of our own with three questions, in every language that XQuAD or TyDiQA asks in."""

from didact.base.types import Example
from didact.tasks.benchmarks.benchmark import sample

Passage = tuple[str, str, tuple[str, str], tuple[str, str], tuple[str, str]]
"""Two sentences; a question on the first, then two on the second, each with its answer."""

PASSAGES: dict[str, Passage] = {
    "ar": (
        "تعيش ميرا في مدينة لوند.",
        "افتتحت مخبزًا عام 1998 وتبيع الخبز.",
        ("أين تعيش ميرا؟", "مدينة لوند"),
        ("متى افتتحت ميرا المخبز؟", "1998"),
        ("ماذا تبيع ميرا؟", "الخبز"),
    ),
    "bn": (
        "মীরা লুন্ড শহরে থাকে।",
        "সে 1998 সালে একটি দোকান খোলে এবং রুটি বিক্রি করে।",
        ("মীরা কোথায় থাকে?", "লুন্ড শহরে"),
        ("মীরা কবে দোকান খোলে?", "1998 সালে"),
        ("মীরা কী বিক্রি করে?", "রুটি"),
    ),
    "de": (
        "Mira wohnt in Lund.",
        "Sie eröffnete 1998 eine Bäckerei und verkauft Brot.",
        ("Wo wohnt Mira?", "in Lund"),
        ("Wann eröffnete Mira die Bäckerei?", "1998"),
        ("Was verkauft Mira?", "Brot"),
    ),
    "el": (
        "Η Μίρα ζει στο Λουντ.",
        "Άνοιξε έναν φούρνο το 1998 και πουλάει ψωμί.",
        ("Πού ζει η Μίρα;", "στο Λουντ"),
        ("Πότε άνοιξε η Μίρα τον φούρνο;", "1998"),
        ("Τι πουλάει η Μίρα;", "ψωμί"),
    ),
    "en": (
        "Mira lives in Lund.",
        "She opened a bakery in 1998 and sells bread.",
        ("Where does Mira live?", "Lund"),
        ("When did Mira open the bakery?", "1998"),
        ("What does Mira sell?", "bread"),
    ),
    "es": (
        "Mira vive en Lund.",
        "Abrió una panadería en 1998 y vende pan.",
        ("¿Dónde vive Mira?", "Lund"),
        ("¿Cuándo abrió Mira la panadería?", "1998"),
        ("¿Qué vende Mira?", "pan"),
    ),
    "fi": (
        "Mira asuu Lundissa.",
        "Hän avasi leipomon vuonna 1998 ja myy leipää.",
        ("Missä Mira asuu?", "Lundissa"),
        ("Minä vuonna Mira avasi leipomon?", "1998"),
        ("Mitä Mira myy?", "leipää"),
    ),
    "hi": (
        "मीरा लुंड में रहती है।",
        "उसने 1998 में एक दुकान खोली और वह रोटी बेचती है।",
        ("मीरा कहाँ रहती है?", "लुंड"),
        ("मीरा ने दुकान कब खोली?", "1998"),
        ("मीरा क्या बेचती है?", "रोटी"),
    ),
    "id": (
        "Mira tinggal di Lund.",
        "Ia membuka toko pada tahun 1998 dan menjual roti.",
        ("Di mana Mira tinggal?", "Lund"),
        ("Kapan Mira membuka toko?", "1998"),
        ("Apa yang dijual Mira?", "roti"),
    ),
    "ko": (
        "미라는 룬드에 산다.",
        "그녀는 1998년에 빵집을 열었고 빵을 판다.",
        ("미라는 어디에 사는가?", "룬드"),
        ("미라는 언제 빵집을 열었는가?", "1998년"),
        ("미라는 무엇을 파는가?", "빵"),
    ),
    "ro": (
        "Mira locuiește în Lund.",
        "Ea a deschis o brutărie în 1998 și vinde pâine.",
        ("Unde locuiește Mira?", "Lund"),
        ("Când a deschis Mira brutăria?", "1998"),
        ("Ce vinde Mira?", "pâine"),
    ),
    "ru": (
        "Мира живёт в Лунде.",
        "Она открыла пекарню в 1998 году и продаёт хлеб.",
        ("Где живёт Мира?", "в Лунде"),
        ("Когда Мира открыла пекарню?", "в 1998 году"),
        ("Что продаёт Мира?", "хлеб"),
    ),
    "sw": (
        "Mira anaishi Lund.",
        "Alifungua duka mwaka 1998 na anauza mkate.",
        ("Mira anaishi wapi?", "Lund"),
        ("Mira alifungua duka mwaka gani?", "1998"),
        ("Mira anauza nini?", "mkate"),
    ),
    "te": (
        "మీరా లుండ్ లో నివసిస్తుంది.",
        "ఆమె 1998 లో ఒక దుకాణం తెరిచింది, రొట్టె అమ్ముతుంది.",
        ("మీరా ఎక్కడ నివసిస్తుంది?", "లుండ్"),
        ("మీరా దుకాణం ఎప్పుడు తెరిచింది?", "1998"),
        ("మీరా ఏమి అమ్ముతుంది?", "రొట్టె"),
    ),
    "th": (
        "มีราอาศัยอยู่ที่ลุนด์",
        "เธอเปิดร้านในปี 1998 และขายขนมปัง",
        ("มีราอาศัยอยู่ที่ไหน", "ลุนด์"),
        ("มีราเปิดร้านในปีใด", "1998"),
        ("มีราขายอะไร", "ขนมปัง"),
    ),
    "tr": (
        "Mira Lund'da yaşıyor.",
        "1998 yılında bir fırın açtı ve ekmek satıyor.",
        ("Mira nerede yaşıyor?", "Lund"),
        ("Mira fırını ne zaman açtı?", "1998"),
        ("Mira ne satıyor?", "ekmek"),
    ),
    "vi": (
        "Mira sống ở Lund.",
        "Cô mở một tiệm vào năm 1998 và bán bánh mì.",
        ("Mira sống ở đâu?", "Lund"),
        ("Mira mở tiệm vào năm nào?", "1998"),
        ("Mira bán gì?", "bánh mì"),
    ),
    "zh": (
        "米拉住在隆德。",
        "她在1998年开了一家面包店，卖面包。",
        ("米拉住在哪里？", "隆德"),
        ("米拉哪一年开了面包店？", "1998年"),
        ("米拉卖什么？", "面包"),
    ),
}
"""By language code."""


def passage_samples(language: str) -> tuple[Example, ...]:
    """Returns the three questions of a language as samples; the rationale is the sentence that answers.

    >>> shown = passage_samples("en")[1]
    >>> shown.fields["question"], shown.targets, shown.rationale
    ('When did Mira open the bakery?', ('1998',), 'She opened a bakery in 1998 and sells bread.')
    """
    first, second, *asked = PASSAGES[language]
    gap = "" if language == "zh" else " "
    return tuple(
        sample(number, {"context": f"{first}{gap}{second}", "question": question}, answer, first if number == 1 else second)
        for number, (question, answer) in enumerate(asked, start=1)
    )
