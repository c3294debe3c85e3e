"""Spoken words made comparable: spelling folded, numbers written out, and how alike two stretches of words sound.

Conventions
    A folded word is lower case without punctuation; contractions are written out, British and American spellings are
    one, and English words that are pronounced alike are one. Chinese and Japanese are compared by character,
    traditional and simplified as one for the characters in :data:`_SIMPLE`. How alike words sound is a cost in sounds:
    0 the same, 1 for a whole sound more, less or other, less for sounds that are near.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Match", "best_match", "fold", "number_words", "sound_cost", "sounds"]


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ONES = _list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = _list("twenty thirty forty fifty sixty seventy eighty ninety")
_NUMBERS = {  # 0 to 19 and the tens, as far as lines of prompts reach
    "es": (
        _list(
            "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
            "diecisiete dieciocho diecinueve"
        ),
        _list("veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa"),
    ),
    "de": (
        _list(
            "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
            "sechzehn siebzehn achtzehn neunzehn"
        ),
        _list("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"),
    ),
    "fr": (
        _list(
            "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix- "
            "sept dix-huit dix-neuf"
        ),
        _list("vingt trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix"),
    ),
    "it": (
        _list(
            "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici "
            "sedici diciassette diciotto diciannove"
        ),
        _list("venti trenta quaranta cinquanta sessanta settanta ottanta novanta"),
    ),
    "pt": (
        _list(
            "zero um dois três quatro cinco seis sete oito nove dez onze doze treze quatorze quinze dezesseis "
            "dezessete dezoito dezenove"
        ),
        _list("vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"),
    ),
}
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_HAN_DIGITS = "零一二三四五六七八九"

_CONTRACTED = {
    "won't": "will not",
    "can't": "can not",
    "shan't": "shall not",
    "let's": "let us",
    "i'm": "i am",
    "cannot": "can not",
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "got to",
    "y'all": "you all",
    "o'clock": "oclock",
    "'em": "them",
    "ma'am": "madam",
}
_ENDINGS = (("n't", " not"), ("'re", " are"), ("'ve", " have"), ("'ll", " will"), ("'d", " would"))
_IS = {"it", "that", "he", "she", "what", "there", "here", "who", "where", "how", "when", "why", "everything", "this"}

# British spellings as American ones, tried in order. Both sides of a comparison go through them, so that a word that is
# no spelling of another ("promise") only has to keep away from other words. What keeps them apart: a vowel before -our
# and -ll-, so that "four", "hour", "tour", "balled" and "polled" stay ("baled" and "poled" are words); three letters
# before -ise, so that "prise" is no "prize"; no -ill-, because "refilled" is not "refiled"; "timbre" is no "timber".
_SPELLINGS = tuple(
    (re.compile(pattern), american)
    for pattern, american in (
        # colour, neighbourhood, favourites, behaviour
        (
            r"^(.*[aeiouy].*[bcdgilmnptv])our(|s|ed|ing|ful|less|able|ably|al|ite|ites|er|ers|hood|hoods|ly|y)$",
            r"\1or\2",
        ),
        # realise, organised, recognisable, civilisation
        (r"^(.*[a-z]{3})is(e|ed|es|er|ers|ing|able|ation|ations|ational)$", r"\1iz\2"),
        (r"^(.*[a-z]l)ys(e|ed|es|er|ers|ing)$", r"\1yz\2"),  # analyse, paralysed
        (r"^(.*[aeiouy].*[aeo])ll(ed|ing|er|ers|or|ors|ous|ously)$", r"\1l\2"),  # travelled, jeweller, marvellous
        (r"^(?!timbre)([a-z]+[a-z][tb])re(|s)$", r"\1er\2"),  # theatre, metres, fibre
    )
)


def _american(word: str) -> str:
    """The American spelling of an English word, by its ending.

    >>> [_american(word) for word in ("colour", "travelled", "hour", "prise")]
    ['color', 'traveled', 'hour', 'prise']
    """
    for pattern, american in _SPELLINGS:
        word = pattern.sub(american, word)
    return word


_SAME = (  # spellings of one word, and words that sound alike, in English
    "ok okay|mr mister|mrs missus|dr doctor|vs versus|mum mom|mums moms|grey gray|greys grays|greyer grayer|greyish "
    "grayish|tyre tire|tyres tires|plough plow|ploughs plows|ploughed plowed|pyjamas pajamas|cheque check|cheques "
    "checks|storey story|storeys stories|kerb curb|kerbs curbs|programme program|programmes programs|jewellery jewelry|"
    "aluminium aluminum|aeroplane airplane|aeroplanes airplanes|centred centered|woollen woolen|pencilled penciled|"
    "skilful skillful|wilful willful|fulfil fulfill|fulfils fulfills|enrol enroll|instalment installment|judgement "
    "judgment|artefact artifact|artefacts artifacts|pretence pretense|analogue analog|monologue monolog|meagre meager|"
    "sceptic skeptic|anaesthetic anesthetic|encyclopaedia encyclopedia|archaeology archeology|mediaeval medieval|"
    "liquorice licorice|omelette omelet|moult molt|chilli chili|doughnuts donuts|draughts drafts|"
    "sceptical skeptical|axe ax|doughnut donut|yoghurt yogurt|moustache mustache|draught draft|towards toward|"
    "whisky whiskey|ageing aging|cosy cozy|catalogue catalog|dialogue dialog|licence license|practise practice|"
    "defence defense|offence offense|manoeuvre maneuver|mould mold|moulds molds|smoulder smolder|sulphur sulfur|"
    "to too two|there their|here hear|see sea|sees seas seize|right write rite wright|no know|knows nose|new knew|"
    "for four fore|one won|by buy bye|be bee|son sun|sons suns|weight wait|weights waits|meet meat|week weak|"
    "peace piece|whole hole|hour our|hours ours|eye i|ate eight|red read|blue blew|flower flour|"
    "flowers flours|tail tale|tails tales|rain reign rein|rains reigns|road rode rowed|sail sale|sails sales|steel "
    "steal|stair stare|stairs stares|through threw|thrown throne|wood would|where wear ware|which witch|break brake|"
    "breaks brakes|bare bear|bears bares|deer dear|fair fare|hair hare|heal heel|hi high|higher hire|knight night|"
    "knights nights|knot not|made maid|mail male|main mane|pair pear pare|pairs pears|plain plane|plains planes|"
    "pray prey|principal principle|role roll|roles rolls|root route|sew so sow|side sighed|site sight cite|soul "
    "sole|stake steak|tea tee|tide tied|toe tow|toes tows|vain vein vane|waist waste|way weigh whey|weather whether|"
    "wine whine|bell belle|bolder boulder|bored board|bow bough|ceiling sealing|cell sell|cellar seller|cent scent "
    "sent|cereal serial|coarse course|die dye|dies dyes|ewe you yew|feat feet|find fined|fir fur|flea flee|gate "
    "gait|grate great|groan grown|guest guessed|hall haul|him hymn|key quay|lead led|loan lone|mind mined|missed "
    "mist|moan mown|morning mourning|none nun|oar or ore|paced paste|pail pale|passed past|patience patients|peak "
    "peek|pole poll|pour poor pore|rap wrap|ring wring|scene seen|seam seem|shoot chute|sleigh slay|soar sore|some "
    "sum|stationary stationery|straight strait|sweet suite|tacks tax|team teem|thrown throne|told tolled|towed toad|"
    "wail whale|war wore|warn worn|wheel weal|your yore|allowed aloud|ant aunt|base bass|beach beech|beat beet|"
    "berry bury|birth berth|idle idol|jam jamb|leak leek|lesson lessen|muscle mussel|thyme time|toad towed|"
    "wrapped rapped|wade weighed|hey hay|ah aah|oh o owe"
)
_ONE_OF: dict[str, str] = {}
for _group in _SAME.split("|"):
    _first, *_others = map(_american, _group.split())
    for _word in _others:
        _ONE_OF.setdefault(_word, _ONE_OF.get(_first, _first))

# Traditional characters of everyday lines and their simplified forms.
_TRADITIONAL = (
    "們這個來時說國會為對學過後從還進發電頭間開門關見現點樣經長東車馬魚鳥風飛雲氣話語請謝聽讀寫買賣錢飯館麵湯茶葉"
    "貓龍鳳紅綠藍黃黑白聲音樂動愛歡樂親覺歲歷書畫報紙筆問題應該讓給與無於連遠運邊過達選還離難雖雙隻幾機條東義"
    "習號員圖圓園團場塊壞夢夠兒兩內寶實寫對將專導屆層島帶幫張強彈當後徑復微從德心態慢慣懷戰戲戶拋換據掛採"
    "歸歲殺氣沒涼減測準溫滿灣災烏爺牆狀獨獎現環瓊產畢異當療發盡監盤著睏確礦禮種稱穩積窮競筆節範簡糧級紀約純紙終"
    "組細結絕統絲經綠維綱網綿線練總繞繼續缺羅義習聞聯職聰肅腦腳膽臉臺與舊艙藝葉蓋處號蟲術衝衛裝裡補複規視覽觀計訂"
    "訊記許訪設試話該詳認語誤說課誰調談論諾謀識譜警議護變讓豐貓財責貨貧購費貴買賀資賞賽質賴趕趙跡踐躍車軌軟較載輕輛"
    "輩輪輸轉辦辭農連週進遊過道違遙適遲遷選遺還邊郵鄉醫釋針釣鋼錄錯鍋鍵鎖鏡鐘鐵長門閃閉開間陣陰陳陸陽隊階際險隨隱難雞"
    "電靈靜項順須預頭顆題願類飛飯飲館駕驗驚魚鮮鳥鳴麥麗點齊齒龍抱腿竹"
)
_SIMPLIFIED = (
    "们这个来时说国会为对学过后从还进发电头间开门关见现点样经长东车马鱼鸟风飞云气话语请谢听读写买卖钱饭馆面汤茶叶"
    "猫龙凤红绿蓝黄黑白声音乐动爱欢乐亲觉岁历书画报纸笔问题应该让给与无于连远运边过达选还离难虽双只几机条东义"
    "习号员图圆园团场块坏梦够儿两内宝实写对将专导届层岛带帮张强弹当后径复微从德心态慢惯怀战戏户抛换据挂采"
    "归岁杀气没凉减测准温满湾灾乌爷墙状独奖现环琼产毕异当疗发尽监盘着困确矿礼种称稳积穷竞笔节范简粮级纪约纯纸终"
    "组细结绝统丝经绿维纲网绵线练总绕继续缺罗义习闻联职聪肃脑脚胆脸台与旧舱艺叶盖处号虫术冲卫装里补复规视览观计订"
    "讯记许访设试话该详认语误说课谁调谈论诺谋识谱警议护变让丰猫财责货贫购费贵买贺资赏赛质赖赶赵迹践跃车轨软较载轻辆"
    "辈轮输转办辞农连周进游过道违遥适迟迁选遗还边邮乡医释针钓钢录错锅键锁镜钟铁长门闪闭开间阵阴陈陆阳队阶际险随隐难鸡"
    "电灵静项顺须预头颗题愿类飞饭饮馆驾验惊鱼鲜鸟鸣麦丽点齐齿龙抱腿竹"
)
_SIMPLE = dict(zip(map(ord, _TRADITIONAL), _SIMPLIFIED, strict=True))
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def number_words(value: int, language: str = "en") -> str:
    """A whole number in words; digits where the language is not known here or the number is too large for it.

    >>> number_words(87), number_words(1984), number_words(21, "zh")
    ('eighty seven', 'one thousand nine hundred eighty four', '二十一')
    """
    if language in ("zh", "ja") and 0 <= value < 100:
        tens, ones = divmod(value, 10)
        lead = "" if tens == 0 else "十" if tens == 1 else _HAN_DIGITS[tens] + "十"
        return lead + ("" if tens and not ones else _HAN_DIGITS[ones])
    if language in _NUMBERS:
        ones_of, tens_of = _NUMBERS[language]
        if 0 <= value < 20:
            return ones_of[value]
        if value < 100 and value % 10 == 0:
            return tens_of[value // 10 - 2]
        return str(value)
    if language != "en" or not 0 <= value < 1_000_000:
        return str(value)
    if value < 20:
        return _ONES[value]
    if value < 100:
        return _TENS[value // 10 - 2] + ("" if value % 10 == 0 else f" {_ONES[value % 10]}")
    size, name = (1000, "thousand") if value >= 1000 else (100, "hundred")
    rest = value % size
    return f"{number_words(value // size)} {name}" + (f" {number_words(rest)}" if rest else "")


def _ordinal(value: int) -> str:
    *lead, last = number_words(value).split()
    last = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else f"{last}th")
    return " ".join([*lead, last])


def _digits(text: str, language: str) -> str:
    if language == "en":
        text = re.sub(r"\$\s?(\d[\d,]*)", r"\1 dollars", text)
        text = re.sub(r"£\s?(\d[\d,]*)", r"\1 pounds", text)
        text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: _ordinal(int(m[1])) if int(m[1]) < 10**6 else m[0], text)
        text = re.sub(r"\b(\d{1,2}):(\d\d)\b", lambda m: m[1] if m[2] == "00" else f"{m[1]} {m[2]}", text)
        text = text.replace("%", " percent ").replace("&", " and ").replace("+", " plus ")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return re.sub(r"\d{1,6}", lambda m: f" {number_words(int(m[0]), language)} ", text)


@lru_cache(maxsize=4096)
def fold(text: str, language: str = "en") -> tuple[str, ...]:
    """Words as they are compared; single characters where the text is Chinese or Japanese.

    >>> fold("It's twenty-one, isn't it?") == fold("It is 21; is not it")
    True
    """
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'").replace("\u2018", "'").replace("`", "'")
    text = _digits(text, language)
    if _HAN.search(text):
        plain = "".join(char for char in text.translate(_SIMPLE) if char.isalnum())
        return tuple(plain)
    out: list[str] = []
    for raw in re.findall(r"[^\W_]+(?:'[^\W_]+)*'?|'em\b", text):
        word = raw if raw == "'em" else raw.strip("'")
        if language == "en":
            word = _CONTRACTED.get(word, word)
            for ending, full in _ENDINGS:
                if " " not in word and word.endswith(ending) and len(word) > len(ending):
                    word = word[: -len(ending)] + full
            if word.endswith("'s") and word[:-2] in _IS:
                word = f"{word[:-2]} is"
            out += (_ONE_OF.get(item, item) for item in map(_american, word.replace("'", "").split()))
        else:
            out.append(word.replace("'", ""))
    return tuple(out)


# --------------------------------------------------------------------------- sounds

_RULES = (  # English spelling to coarse sounds, tried in order; capitals are sounds
    *(("tion", "SN"), ("sion", "SN"), ("ture", "CA"), ("ough", "O"), ("augh", "O"), ("eigh", "A"), ("igh", "Y")),
    *(("tch", "C"), ("dge", "J"), ("sch", "SK"), ("ch", "C"), ("sh", "S"), ("th", "T"), ("ph", "F"), ("gh", "")),
    *(("ck", "K"), ("kn", "N"), ("wr", "R"), ("wh", "W"), ("qu", "KW"), ("x", "Ks"), ("ng", "G"), ("mb$", "M")),
    *(("ce", "sA"), ("ci", "sI"), ("cy", "sI"), ("c", "K"), ("ee", "I"), ("ea", "I"), ("oo", "U"), ("ou", "U")),
    *(("ow", "O"), ("ai", "A"), ("ay", "A"), ("oa", "O"), ("oi", "O"), ("oy", "O"), ("au", "O"), ("aw", "O")),
    *(("er$", "A"), ("re$", "A"), ("e$", ""), ("es$", "z"), ("ed$", "D"), ("y", "I"), ("a", "A"), ("e", "E")),
    *(("i", "I"), ("o", "O"), ("u", "U"), ("q", "K"), ("k", "K"), ("h", "H"), ("j", "J"), ("b", "B"), ("d", "D")),
    *(("f", "F"), ("g", "g"), ("l", "L"), ("m", "M"), ("n", "N"), ("p", "P"), ("r", "R"), ("s", "s"), ("t", "t")),
    *(("v", "V"), ("w", "W"), ("z", "z")),
)
_VOWELS = frozenset("AEIOUY")
_NEAR = {  # pairs that recognisers and ears mix up, by manner or voice
    frozenset(pair): 0.4
    for pair in _list("BP Dt gK FV sz SC CJ TF TD Tt MN NG LR WV JY Ss Sz HK BV PF WL RW tK PK Kt BD gD TV sT sF KF")
}


@lru_cache(maxsize=4096)
def sounds(word: str) -> str:
    """A word in coarse sounds, one character each; other scripts stay as they are.

    >>> sounds("knight"), sounds("quick")
    ('NYt', 'KWIK')
    """
    if not word.isascii():
        plain = unicodedata.normalize("NFD", word)
        word = "".join(char for char in plain if not unicodedata.combining(char))
    out, index = "", 0
    while index < len(word):
        for spelling, sound in _RULES:
            at_end = spelling.endswith("$")
            letters = spelling.rstrip("$")
            if word.startswith(letters, index) and not (at_end and index + len(letters) != len(word)):
                if at_end and letters[0] in "e" and not _VOWELS & set(out):
                    continue  # "the", "red": the only vowel is heard
                out += sound if sound[:1] != out[-1:] else sound[1:]
                index += len(letters)
                break
        else:
            out += word[index] if word[index] != out[-1:] else ""
            index += 1
    return out


def _swap(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        return 0.35
    if one in _VOWELS or other in _VOWELS:
        return 1.0
    return _NEAR.get(frozenset((one, other)), 0.9)


def _drop(sound: str) -> float:
    return 0.5 if sound in _VOWELS or sound in "Ht" else 0.8


def sound_cost(said: Sequence[str], meant: Sequence[str]) -> float:
    """How far two stretches of folded words are apart by ear, in sounds; spaces do not count.

    >>> sound_cost(("no", "body"), ("nobody",)) == 0
    True
    >>> sound_cost(("borrow",), ("barrow",)) < 0.5 < sound_cost(("rain",), ("snow",))
    True
    """
    one, other = "".join(map(sounds, said)), "".join(map(sounds, meant))
    row = [0.0]
    for sound in other:
        row.append(row[-1] + _drop(sound))
    for sound in one:
        last, row = row, [row[0] + _drop(sound)]
        for index, target in enumerate(other):
            row.append(
                min(last[index] + _swap(sound, target), last[index + 1] + _drop(sound), row[index] + _drop(target))
            )
    return round(row[-1], 6)


# --------------------------------------------------------------------------- alignment


@dataclass(frozen=True, slots=True)
class Match:
    """The stretch ``heard[start:end]`` that is nearest to a line, and how it differs.

    ``errors`` counts words wrong, missing and too many; ``letters`` the same by letter without spaces; ``steps`` pairs
    of (word of the line or None, place in what was heard or None).
    """

    start: int
    end: int
    errors: int
    letters: int
    steps: tuple[tuple[str | None, int | None], ...]

    def error_rate(self, length: int) -> float:
        """Errors per word of a line of so many words."""
        return self.errors / max(1, length)


def _edits(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        last, row = row, [index]
        for place, target in enumerate(other):
            row.append(min(last[place] + (letter != target), last[place + 1] + 1, row[place] + 1))
    return row[-1]


def best_match(line: Sequence[str], heard: Sequence[str]) -> Match:
    """The stretch of ``heard`` with the fewest word errors against ``line``; among equals the one nearest by letters.

    Words before and after the stretch are free. A stretch whose letters without spaces are those of the line has no
    errors ("riverbank" for "river bank").

    >>> best_match(("let", "it", "rain"), ("well", "let", "it", "snow", "now")).errors
    1
    """
    rows, columns = len(line), len(heard)
    # letters of difference break ties between wrong words, so that "rein" stands for "rain" rather than "now"
    cost = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(1, rows + 1):
        cost[i][0] = float(i)
        for j in range(1, columns + 1):
            wrong = _edits(line[i - 1], heard[j - 1]) / max(len(line[i - 1]), len(heard[j - 1]))
            swap = 0.0 if line[i - 1] == heard[j - 1] else 1.0 + 0.01 * wrong
            cost[i][j] = min(cost[i - 1][j - 1] + swap, cost[i - 1][j] + 1.005, cost[i][j - 1] + 1.005)
    end = min(range(columns + 1), key=lambda j: (cost[rows][j], j))
    i, j = rows, end
    steps: list[tuple[str | None, int | None]] = []
    while i > 0:
        if j > 0:
            wrong = _edits(line[i - 1], heard[j - 1]) / max(len(line[i - 1]), len(heard[j - 1]))
            swap = 0.0 if line[i - 1] == heard[j - 1] else 1.0 + 0.01 * wrong
            if abs(cost[i][j] - cost[i - 1][j - 1] - swap) < 1e-9:
                i, j = i - 1, j - 1
                steps.append((line[i], j))
                continue
            if abs(cost[i][j] - cost[i][j - 1] - 1.005) < 1e-9:
                j -= 1
                steps.append((None, j))
                continue
        i -= 1
        steps.append((line[i], None))
    steps.reverse()
    errors = sum(word is None or place is None or heard[place] != word for word, place in steps)
    joined = "".join(line)
    letters = _edits(joined, "".join(heard[j:end]))
    if errors:
        for start in range(max(0, j - 2), min(columns, j + 3)):  # the same letters, divided otherwise
            text = ""
            for stop in range(start, columns):
                text += heard[stop]
                if text == joined:
                    return Match(start, stop + 1, 0, 0, tuple((None, place) for place in range(start, stop + 1)))
                if len(text) >= len(joined):
                    break
    return Match(j, end, errors, letters, tuple(steps))
