"""Amounts of money."""

from re import Match

from speechd.tts.normalization.numbers import MAX_DIGITS, cardinal, number, plural_number
from speechd.tts.normalization.rules import Rule, one_of

AMOUNT = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
CURRENCIES: dict[str, tuple[str, str]] = {
    "$": ("dollar", "cent"),
    "€": ("euro", "cent"),
    "£": ("pound", "penny"),
    "¥": ("yen", "sen"),
    "₹": ("rupee", "paisa"),
    "₽": ("ruble", "kopeck"),
    "₩": ("won", "jeon"),
    "₺": ("lira", "kurus"),
    "₪": ("shekel", "agora"),
    "₴": ("hryvnia", "kopiyka"),
    "₿": ("bitcoin", "satoshi"),
    "US$": ("dollar", "cent"),
    "A$": ("Australian dollar", "cent"),
    "AU$": ("Australian dollar", "cent"),
    "C$": ("Canadian dollar", "cent"),
    "CA$": ("Canadian dollar", "cent"),
    "NZ$": ("New Zealand dollar", "cent"),
    "HK$": ("Hong Kong dollar", "cent"),
    "S$": ("Singapore dollar", "cent"),
    "R$": ("real", "centavo"),
    "Rs.": ("rupee", "paisa"),
    "USD": ("dollar", "cent"),
    "EUR": ("euro", "cent"),
    "GBP": ("pound", "penny"),
    "JPY": ("yen", "sen"),
    "INR": ("rupee", "paisa"),
    "CHF": ("Swiss franc", "centime"),
    "CAD": ("Canadian dollar", "cent"),
    "AUD": ("Australian dollar", "cent"),
    "NZD": ("New Zealand dollar", "cent"),
    "CNY": ("yuan", "fen"),
    "SEK": ("Swedish krona", "öre"),
    "NOK": ("Norwegian krone", "öre"),
    "DKK": ("Danish krone", "öre"),
    "PLN": ("zloty", "grosz"),
    "CZK": ("Czech koruna", "haler"),
    "HUF": ("forint", "filler"),
    "BRL": ("real", "centavo"),
    "MXN": ("Mexican peso", "centavo"),
    "BTC": ("bitcoin", "satoshi"),
    "zł": ("zloty", "grosz"),
}
"""Sign or ISO 4217 code -> unit and its hundredth."""
IRREGULAR_PLURALS = {
    **dict.fromkeys(("yen", "sen", "won", "jeon", "yuan", "fen", "öre", "kurus", "filler", "satoshi")),
    "penny": "pence",
    "paisa": "paise",
    "Swedish krona": "Swedish kronor",
    "Norwegian krone": "Norwegian kroner",
    "Danish krone": "Danish kroner",
    "real": "reais",
    "grosz": "groszy",
}
SCALES = {
    **dict.fromkeys(("k", "K", "thousand"), "thousand"),
    **dict.fromkeys(("m", "M", "mn", "MM", "mm", "mil", "million"), "million"),
    **dict.fromkeys(("b", "B", "bn", "Bn", "BN", "billion"), "billion"),
    **dict.fromkeys(("t", "T", "tn", "trn", "trillion"), "trillion"),
}
PER = {
    "mo": "month",
    "yr": "year",
    "hr": "hour",
    "h": "hour",
    "wk": "week",
    "kg": "kilogram",
    "lb": "pound",
    "mi": "mile",
    "km": "kilometer",
    "L": "liter",
    "l": "liter",
    "sqft": "square foot",
    "kWh": "kilowatt hour",
    "GB": "gigabyte",
    "oz": "ounce",
    "g": "gram",
}
_COUNTED_BY_MONEY = (
    "bill|note|coin|ticket|fee|fine|price|budget|deal|loan|grant|prize|investment|contract|reward|donation|discount"
    "|gift|check|cheque|bet|question|lunch|meal|house|home|car|project|lawsuit|settlement|bonus|credit|increase|stock"
    "|program|fund|company|business|industry|tip|plan|subscription|membership|bribe|debt|profit|loss|film|movie|bond"
)
_SIGN = one_of(sign for sign in CURRENCIES if not sign[-1].isalpha())
_CODE = one_of(code for code in CURRENCIES if code[-1].isalpha())
_SCALE = rf"(?:[ -]?({one_of(SCALES)})(?![\w]|-[A-Za-z]))"
_DASH = r"\s?[-–]\s?"


def currency_plural(unit: str) -> str:
    """More than one of a unit of money: `penny` -> `pence`."""
    if unit in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[unit] or unit
    return unit + "s"


def money(symbol: str, amount: str, scale: str | None = None) -> str:
    """`$`, `12.50` -> `twelve dollars and fifty cents`."""
    unit, small = CURRENCIES[symbol]
    if scale:
        return f"{number(amount)} {SCALES[scale]} {currency_plural(unit)}"
    whole, point, fraction = amount.replace(",", "").partition(".")
    whole = whole or "0"
    if point and len(fraction) > 2:
        return f"{number(amount)} {currency_plural(unit)}"
    cents = int(fraction.ljust(2, "0")) if fraction else 0
    parts = []
    if int(whole[:MAX_DIGITS]) or not cents:
        parts = [f"{number(whole)} {unit if whole == '1' else currency_plural(unit)}"]
    if cents:
        parts += [f"{cardinal(cents)} {small if cents == 1 else currency_plural(small)}"]
    return " and ".join(parts)


def _amount(match: Match[str]) -> str:
    """A sign or code, an amount, perhaps a scale and what it is for."""
    minus = {"-": "minus ", "−": "minus ", "+": "plus "}.get((match[1] or match[3] or "").strip(), "")
    per = f" per {PER.get(match[6], match[6])}" if match[6] else ""
    return minus + money(match[2], match[4], match[5]) + per


def _amount_first(match: Match[str]) -> str:
    """An amount before its sign or code."""
    minus = {"-": "minus ", "−": "minus ", "+": "plus "}.get(match[1] or "", "")
    return minus + money(match[4], match[2], match[3])


def _range(match: Match[str]) -> str:
    """`$10-$20`, `$1-2M`: the unit is said once, unless there are cents."""
    sign, low, low_scale, high, high_scale = match.group(1, 2, 3, 4, 5)
    if any("." in amount and not (low_scale or high_scale) for amount in (low, high)):
        return f"{money(sign, low)} to {money(sign, high)}"
    start = number(low) + (f" {SCALES[low_scale]}" if low_scale else "")
    return f"{start} to {money(sign, high, high_scale or None)}"


def _before_noun(match: Match[str]) -> str:
    """`a $5 bill` -> `a five dollar bill`."""
    scale = f" {SCALES[match[4]]}" if match[4] else ""
    return f"{match[1]}{number(match[3])}{scale} {CURRENCIES[match[2]][0]} "


MONEY_RULES: tuple[Rule, ...] = (
    Rule(rf"({_SIGN})(\d{{1,6}})(?=-a-[a-z])-", lambda m: f"{number(m[2])} {CURRENCIES[m[1]][0]} "),
    Rule(rf"({_SIGN})(\d{{1,3}})s\b", lambda m: plural_number(m[2])),
    Rule(rf"({_SIGN})({AMOUNT}){_SCALE}?{_DASH}(?:{_SIGN})?({AMOUNT}){_SCALE}?(?![\d/-])", _range),
    Rule(
        r"(\b(?:[Aa]n?|[Tt]he|[Tt]his|[Tt]hat|[Mm]y|[Yy]our|[Oo]ur|[Hh]is|[Hh]er|[Tt]heir|[Ee]ach|[Aa]nother)(?:"
        r" new)? )"
        rf"({_SIGN})(\d[\d,]*|\d+\.\d+(?=[ -]?(?:{one_of(SCALES)})\b)){_SCALE}?[ -](?=(?:{_COUNTED_BY_MONEY})\b)",
        _before_noun,
    ),
    Rule(
        rf"((?<![\w.,-])[-−+])?(?<![A-Za-z])({_SIGN}|(?:{_CODE})(?=[ ]?\d))\s?([-−])?({AMOUNT}){_SCALE}?(?:/"
        rf"([A-Za-z]{{1,12}})\b)?",
        _amount,
    ),
    Rule(
        rf"(?<![\w.,])([-−+])?({AMOUNT}){_SCALE}?\s?"
        rf"({one_of(s for s in CURRENCIES if len(s) == 1 or s.isalpha())})(?![\w$])",
        _amount_first,
    ),
    Rule(r"(?<![\w.,])(\d{1,15})\s?¢", lambda m: f"{number(m[1])} {'cent' if m[1] == '1' else 'cents'}"),
)
