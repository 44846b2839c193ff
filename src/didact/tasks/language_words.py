"""Frequent small words of 24 languages, and letters that few languages have: what tells languages of one script apart."""

FREQUENT: dict[str, str] = {
    # Latin
    "en": """the of and to in is that it was for on are as with his they at be this have from or had by not but what all were we when
        your can said there an each which she do how their if will up other about out many then them these so some her would make him
        into has more two like who been its now did get my you he does than only much any after before because i how's it's""",
    "de": """der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie
        nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde
        wenn kann ich wir ihr wie viele pro jeden jede beide ihre seine insgesamt was dann mir""",
    "es": """de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre este ya
        entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué sólo han yo hay cuánto cuántos
        cuántas cada tiene ella él cuál después uno eso ese esos""",
    "fr": """de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec son ses aux ou mais
        comme elle cette nous été sa leur on était même ces si ont tout fait deux entre lui je vous y où combien chaque a-t-il
        l d s c n qu j être avait quel quelle puis donc""",
    "it": """di e il la che a in un è per una i del non sono si le da con della al alla come dei più nel lo ha gli su anche delle ma
        ci questo nella dal suo era se sua o essere due io dalla ai molto quando degli stato questa hanno dove tutti chi cosa solo
        quanti quanto ogni perché lei lui mi""",
    "pt": """de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou ser
        quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos seus quem nas me esse eles
        você são quantos quanto cada num numa então pois""",
    "nl": """de het een en van in is dat op te zijn met voor niet aan er om ook als dan bij nog uit door naar heeft maar hij ze wordt
        worden over ik deze zich hun hebben was kan tot meer al zo had of die wat je geen wel werd dit haar mijn hoeveel elke per
        toen want zij wij""",
    "fi": """ja on ei se että hän oli olla mutta myös kun ovat joka niin tai sen mitä vain kuin nyt jos mukaan sekä jo ole hänen ne
        siitä minä tämä tämän jossa jotka voi sitä olisi vielä ollut kanssa kuka missä milloin sitten mikä paljon vuonna ennen noin
        koska kaikki minun hänellä kuinka monta jälkeen""",
    "sw": """na ya wa ni kwa katika la za cha kuwa hii kama au lakini ambao ambayo hiyo yake wake kila moja mbili tatu nne tano sana
        pia huwa ana alikuwa kuna hivyo baada zaidi ngapi mara watu hata tu yeye kwamba ile hilo yote wote vya siku jumla kisha
        gani ikiwa alinunua anaweza wakati hao huyo bado""",
    "id": """yang dan di dengan untuk dari tidak ini dalam pada akan itu adalah ke oleh juga saya ada bisa telah lebih sebagai karena
        mereka atau dia kami seperti sudah dapat hari anda tahun tersebut setelah bahwa kita hanya para satu dua bukan ia saat belum
        banyak apa siapa kapan mana berapa harus jika maka""",
    "tr": """ve bir bu da de için ile çok olarak ne var daha kadar gibi olan ama değil en sonra o mi mı her olduğu ise ben iki ki
        veya göre tarafından onun kendi ya şey neden nasıl kim hangi zaman yok bunu şu böyle hiç diye önce sadece oldu olduğunu
        kaç bana çünkü içinde""",
    "pl": """w i na z się nie do to że jest o jak po co za od przez dla ale tak czy są był jego już tego być lub tym było które oraz
        który ma może przed pod także tylko jej ich gdy przy bardzo będzie ten ta która kiedy gdzie ile każdy jeśli można mnie ze
        został więc swoje niż""",
    "sv": """och i att det som en på är av för med den till inte har de ett om var men sig så kan han från vid när hade eller hon ska
        nu där mot efter också under än skulle detta hur alla ut vad vi blev varje många upp år jag du finns sedan blir mycket två
        här bara inom""",
    "da": """og i at det som en på er af for med den til ikke har de et om var men sig så kan han fra ved når havde eller hun skal nu
        der mod efter også under end ville dette hvordan alle ud hvad vi blev hver mange op år jeg du findes siden bliver meget to
        her kun hvor været af""",
    "cs": """a se na je v že to s z o do i jsem ale jako za by tak pro si po jeho jsou co ve byl bylo který která které jen když už
        také nebo od než byla může až jak k při jejich kde více podle kdo kolik ne této být má mezi ještě není své před však roce
        který svůj""",
    "ro": """de și în la a cu pe nu o care că din pentru un este mai ce au fost lui sau prin după dar ca să ai fi era acest ei are
        către cele cel fără când între lor sunt acesta această doar unde cât câte câți cum el ea fiind despre se al ale într""",
    "vi": """của và là có trong được cho không một các với những này đã người từ khi đến ra như để thì năm cũng về bị tại hay nhiều
        vào hơn sẽ ông sau rằng lại làm tôi trên nước đó gì ai nào đâu bao nhiêu hai theo mà bởi cô anh nhưng""",
    # Cyrillic
    "ru": """и в не на я что он с как это по но из у за то а к она они его так же от бы был была были для или её мы вы до если уже
        только когда все сколько каждый чем есть ещё еще них при лет о всего который которые этого после где кто может быть себя
        каждую несколько эти поэтому также со""",
    "uk": """і в не на я що він з як це по але із у за то а до вона вони його так же від би був була були для або її ми ви якщо вже
        лише коли всі скільки кожен ніж є ще них при років та й про який які цього після де хто може бути себе має яка також тому
        зі під час""",
    "bg": """и в не на аз че той с как това по но от у за то а към тя те неговата така са би беше бяха е или нейната ние вие до ако
        вече само когато всички колко всеки отколкото има още тях при години ще със се да който която които след където кой може
        бъде си през между един една също много""",
    # Devanagari
    "hi": "के का में की है और को से पर यह वह एक ने हैं कि था थी भी नहीं लिए हो गया इस उस ये जो तो कर साथ द्वारा अपने किया कितने क्या कब कहाँ",
    "mr": "आहे आणि या व तो ती ते हे एक नाही होते होता होती मध्ये साठी पण की आहेत केली केले त्या त्यांनी किती काय कधी कुठे असे तर झाला मला",
    "ne": "छ र को मा ले यो त्यो एक हो छन् थियो थिए लाई पनि भने गर्न गरेको छैन हुन्छ तर कति के कहिले कहाँ उनले तथा गर्ने भएको सँग बाट",
    # Arabic letters
    "ar": "في من على إلى أن هذا هذه التي الذي كان كانت ما لا هو هي عن مع كل أو ثم قد بين بعد كم لم و أي عند لكن ذلك كما يكون",
    "fa": "در از به که این با را است برای آن یک های شد بود می تا بر هم خود نیز اما چند چه کرد شده او ما هر یا کند دارد باشد ها",
    "ur": "کے کا میں کی ہے اور کو سے پر یہ وہ ایک نے ہیں کہ تھا تھی بھی نہیں لیے ہو گیا اس ان جو تو کر ساتھ اپنے کیا کتنے کب ہم",
}
"""Language code to words, split by blanks."""

LETTERS: dict[str, str] = {
    "de": "ß",
    "es": "ñ¿¡",
    "fr": "œêèûç",
    "pt": "ãõ",
    "tr": "ğışİ",
    "pl": "łąęśźżń",
    "cs": "řěůčž",
    "ro": "șțăşţ",
    "vi": "ơưđạảấầẩậắằẳặẹẻếềểệỉịọỏốồổộớờởợụủứừửựỳỵỷ",
    "da": "øæ",
    "sv": "å",
    "ru": "ыэё",
    "uk": "іїєґ",
    "bg": "ъ",
    "mr": "ळ",
    "ar": "يكةىأإ",
    "fa": "پچژگیک",
    "ur": "ٹڈڑںےہھ",
}
"""Letters that speak for a language among those of its script; some have two such languages, so words have the last word."""
