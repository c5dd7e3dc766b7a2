"""Number words in English, Spanish, German and French.

Cardinals cover 0 to 9999 in every language, which is more than the templates ask for.
"""


def listed(words: str) -> list[str]:
    """Split a table written as one text."""
    return words.split()


EN_ONES = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
EN_TENS = listed("_ _ twenty thirty forty fifty sixty seventy eighty ninety")
EN_ORDINALS = listed(
    "_ first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
ES_ONES = listed(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés "
    "veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
)
ES_TENS = listed("_ _ _ treinta cuarenta cincuenta sesenta setenta ochenta noventa")
ES_HUNDREDS = listed(
    "_ ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
)
DE_ONES = listed(
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
    "fünfzehn sechzehn siebzehn achtzehn neunzehn"
)
DE_TENS = listed("_ _ zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
DE_ORDINALS = listed(
    "_ erste zweite dritte vierte fünfte sechste siebte achte neunte zehnte elfte zwölfte "
    "dreizehnte vierzehnte fünfzehnte sechzehnte siebzehnte achtzehnte neunzehnte zwanzigste"
)
FR_ONES = listed(
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze "
    "seize dix-sept dix-huit dix-neuf"
)
FR_TENS = listed("_ _ vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")


def english(number: int) -> str:
    """Return the English cardinal, with `and` after hundreds."""
    if number < 20:
        return EN_ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return EN_TENS[tens] + (f"-{EN_ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{EN_ONES[hundreds]} hundred" + (f" and {english(rest)}" if rest else "")
    thousands, rest = divmod(number, 1000)
    return f"{english(thousands)} thousand" + (f" {english(rest)}" if rest else "")


def spanish(number: int) -> str:
    """Return the Spanish cardinal as one counts (`uno`, not `un`)."""
    if number < 30:
        return ES_ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return ES_TENS[tens] + (f" y {ES_ONES[ones]}" if ones else "")
    if number == 100:
        return "cien"
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return ES_HUNDREDS[hundreds] + (f" {spanish(rest)}" if rest else "")
    thousands, rest = divmod(number, 1000)
    head = "mil" if thousands == 1 else f"{spanish_before_noun(thousands, 'm')} mil"
    return head + (f" {spanish(rest)}" if rest else "")


def spanish_before_noun(number: int, gender: str) -> str:
    """Return the Spanish cardinal before a noun: `un`, `veintiún`, `treinta y una`."""
    words = spanish(number)
    if not words.endswith("uno"):
        return words
    if gender == "f":
        return words[:-1] + "a"
    return words[:-3] + "ún" if words == "veintiuno" else words[:-1]


def german(number: int) -> str:
    """Return the German cardinal as one counts (`eins`)."""
    if number < 20:
        return DE_ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        unit = "ein" if ones == 1 else DE_ONES[ones]
        return f"{unit}und{DE_TENS[tens]}" if ones else DE_TENS[tens]
    for size, name in ((1000, "tausend"), (100, "hundert")):
        if number >= size:
            count, rest = divmod(number, size)
            head = "ein" if count == 1 else german(count)
            return head + name + (german(rest) if rest else "")
    raise ValueError(f"not a cardinal: {number}")


def french(number: int, gender: str = "m") -> str:
    """Return the French cardinal; the gender matters for a final `un` or `une`."""
    one = "une" if gender == "f" else "un"
    if number == 1:
        return one
    if number < 20:
        return FR_ONES[number]
    if number < 100:
        return _french_tens(number, one)
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        head = "cent" if hundreds == 1 else f"{FR_ONES[hundreds]} cent"
        return f"{head} {french(rest, gender)}" if rest else head + ("s" if hundreds > 1 else "")
    thousands, rest = divmod(number, 1000)
    head = "mille" if thousands == 1 else f"{french(thousands)} mille"
    return f"{head} {french(rest, gender)}" if rest else head


def _french_tens(number: int, one: str) -> str:
    """Return 20 to 99; 70 to 79 and 90 to 99 count on from sixty and eighty."""
    tens, ones = divmod(number, 10)
    if number == 80:
        return "quatre-vingts"
    if tens in (7, 9):
        ones += 10
    if ones == 0:
        return FR_TENS[tens]
    word = one if ones == 1 else FR_ONES[ones]
    joined = ones in (1, 11) and tens < 8
    return f"{FR_TENS[tens]} et {word}" if joined else f"{FR_TENS[tens]}-{word}"


def cardinal(language: str, number: int, gender: str | None = None) -> str:
    """Return the cardinal in `language`; with a gender, the form before such a noun."""
    if language == "en":
        return english(number)
    if language == "de":
        return german(number)
    if language == "fr":
        return french(number, gender or "m")
    return spanish_before_noun(number, gender) if gender else spanish(number)
