"""The rules that all tables share, by category: the same order as in English."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from re import Match

from speechd.tts.normalization.roman import ROMAN, roman_number
from speechd.tts.normalization.rules import Rule, one_of
from speechd.tts.normalization.tables.table import Cardinal, LanguageTable, Noun
from speechd.tts.normalization.web import web_rules

_START, _END = r"(?<![\w.,:/+-])", r"(?![\w:/-]|[.,]\d)"
_DASH = r"\s?[-–]\s?"
_UNIT_END = r"(?![\w'’^]|[-/]\w)"


@dataclass(frozen=True)
class NumberWords:
    """What the rules need to know of numbers in a language."""

    number: str
    """Pattern of an unsigned number."""
    decimal: str
    """The decimal mark."""
    minus: str
    cardinal: Callable[[int], str]
    """Words of a whole number."""
    spoken: Callable[[str], str]
    """Words of a written number that has no sign."""


class TableRules:
    """Makes the rules of one table."""

    def __init__(self, table: LanguageTable, words: NumberWords) -> None:
        self._table = table
        self._words = words

    def rules(self) -> tuple[Rule, ...]:
        """The more specific first."""
        table = self._table
        words = Rule(rf"(?<![\w/])(?:{one_of(table.abbreviations)})(?=\W|$)", self._abbreviation)
        symbols = Rule("[" + re.escape("".join(table.symbols)) + "]", lambda m: f" {table.symbols[m[0]]} ")
        return (
            *web_rules(table.web),
            *self._date_rules(),
            *self._digit_rules(),
            *self._clock_rules(),
            *self._money_rules(),
            *self._amount_rules(),
            *self._roman_rules(),
            words,
            *self._range_rules(),
            Rule(r"(?<=[^\W\d_])-(?=\d)", lambda _: " "),
            Rule(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_]{2})(?!(?:er|re|ère|ème|eme|nde?|os|as)\b)", lambda _: " "),
            symbols,
        )

    # Numbers in front of nouns

    def _counted(self, number: str, noun: Noun) -> str:
        """`21`, (`euro`, `euros`) -> `veintiún euros`."""
        said = self._words.spoken(number)
        if self._words.decimal in number:
            return f"{said} {noun[1]}"
        said = self._table.with_noun(said, noun[0].split()[0] in self._table.feminine)
        return f"{said} {noun[0] if number == '1' else noun[1]}"

    def _sign(self, sign: str | None) -> str:
        return {"-": f"{self._words.minus} ", "−": f"{self._words.minus} ", "+": f"{self._table.plus} "}.get(
            sign or "", ""
        )

    def _after_telephone(self, match: Match[str]) -> str | None:
        said = self._digit_groups(match[2])
        return None if said is None else match[1] + said

    def _digits(self, match: Match[str]) -> str | None:
        return self._digit_groups(match[0])

    def _digit_groups(self, text: str) -> str | None:
        """A telephone number: digit by digit, with a pause between groups."""
        groups = re.findall(r"\d+", text)
        if not 7 <= sum(map(len, groups)) <= 15:
            return None
        said = ", ".join(" ".join(self._words.cardinal(int(digit)) for digit in group) for group in groups)
        return f"{self._table.plus} {said}" if text.startswith("+") else said

    def _digit_rules(self) -> tuple[Rule, ...]:
        return (
            Rule(r"(?<![\w+-])\+(?:\d{1,3}(?:[ .-]\(?\d{1,8}\)?){1,6}|\d{7,15})(?![\w-])", self._digits),
            Rule(
                r"\b((?:[Tt][eé]l\w*|[Ff]ax|[Mm][oó]vil|[Hh]andy|[Cc]elular)\.?:? )(\(?\d[\d ().-]{5,20}\d)(?![\w-])",
                self._after_telephone,
            ),
            Rule(r"(?<![\w-])\(\d{2,5}\) ?\d{2,8}(?:[ .-]\d{2,8}){0,4}(?![\w-])", self._digits),
            Rule(r"(?<![\w.,/-])0\d{1,5}(?:[ .-]\d{2,8}){1,5}(?![\w-])", self._digits),
            Rule(r"(?<![\w-])\d{3}([-.])\d{3}\1\d{3,4}(?![\w-])", self._digits),
        )

    # Dates and times

    def _date(self, day: str, month: str, year: str | None, before: str = "") -> str | None:
        if not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
            return None
        full = None if year is None else int(year) + (0 if len(year) > 2 else 1900 if int(year) >= 70 else 2000)
        return self._table.date(self._words.cardinal, int(day), int(month), full, before)

    def _date_rules(self) -> tuple[Rule, ...]:
        table = self._table
        months = rf"(?:(?P<month>{'|'.join(table.months)})|(?P<short>{table.month_abbreviations})\b\.?)"
        rules = [
            Rule(
                r"\b(\d{4})-(\d\d)-(\d\d)(?:(?:T|,? )(\d\d):(\d\d)(?::\d\d(?:\.\d{1,9})?)?(?:Z"
                r"|[+-]\d\d:?\d\d)?)?(?![\w-])",
                self._iso,
            ),
            Rule(
                r"(?P<lead>\b[^\W\d_]{1,8} )?(?<![\w/.])(\d\d?)([/.-])(\d\d?)\3(\d{4}|\d\d)(?![\w/]|\.\d)",
                lambda m: self._with_lead(m, self._date(m[2], m[4], m[5], (m["lead"] or "").strip().lower())),
            ),
            Rule(
                rf"(?<![\w.,/])(?P<day>\d\d?)(?:er|\.?[oº°]|\.)?(?P<of> de| di)? {months}(?:(?: de| del)? "
                rf"(?P<year>\d{{4}}))?(?![\w])",
                self._written_date,
                re.IGNORECASE,
            ),
        ]
        rules.append(Rule(r"(?P<lead>\b[^\W\d_]{1,8} )?(?<![\w/.])(\d\d?)\.(\d\d?)\.(?!\w)", self._day_and_month))
        if table.decade:
            pattern, said = table.decade
            rules.append(Rule(pattern, lambda m: said(self._words.cardinal, int(m["n"]))))
        return tuple(rules)

    def _with_lead(self, match: Match[str], said: str | None) -> str | None:
        return None if said is None else (match["lead"] or "") + said

    def _day_and_month(self, match: Match[str]) -> str | None:
        """`am 24.12.`"""
        said = self._with_lead(match, self._date(match[2], match[3], None, (match["lead"] or "").strip().lower()))
        return f"{said}." if said and not match.string[match.end() :].strip() else said

    def _iso(self, match: Match[str]) -> str | None:
        said = self._date(match[3], match[2], match[1])
        if said is None or match[4] is None or int(match[4]) > 24:
            return said
        return f"{said}, {self._table.clock(self._words.cardinal, int(match[4]), int(match[5]))}"

    def _written_date(self, match: Match[str]) -> str | None:
        name = (match["month"] or match["short"]).lower()
        months = [month.lower() for month in self._table.months]
        found = next((n for n, month in enumerate(months, start=1) if month == name), 0) or next(
            (n for n, month in enumerate(months, start=1) if month.startswith(name[:3])), 0
        )
        before = match.string[: match.start()].rstrip().rpartition(" ")[2].lower()
        return self._date(match["day"], str(found), match["year"], before) if found else None

    def _clock(self, match: Match[str]) -> str | None:
        minute = int(match[2] or 0)
        if int(match[1]) > 24 or minute > 59:
            return None
        return self._table.clock(self._words.cardinal, int(match[1]), minute)

    def _clock_rules(self) -> tuple[Rule, ...]:
        table = self._table
        word = table.clock_word
        rules = [Rule(rf"(?<![\w:.,])(\d\d?){table.clock_marks}([0-5]\d)(?![\w:]|\.\d)(?:{word})?", self._clock)]
        if table.lone_hour:
            rules.append(
                Rule(
                    rf"(?<![\w:.,])(\d\d?){_DASH}(?=\d\d?(?:{table.lone_hour}))",
                    lambda m: f"{self._words.cardinal(int(m[1]))} {table.until} ",
                )
            )
            rules.append(Rule(rf"(?<![\w:.,])(\d\d?)(?:[.:]([0-5]\d))?(?:{table.lone_hour})(?!\w)", self._clock))
        return (
            Rule(r"(?<=\d[:h]\d\d)\s?[-–]\s?(?=\d\d?[:h]\d\d)", lambda _: f" {table.until} "),
            *rules,
            Rule(r"(?<![\w:])(\d{1,4}):(\d{1,4})(?![\w:])", lambda m: self._ratio(m)),
        )

    def _ratio(self, match: Match[str]) -> str:
        return f"{self._words.spoken(match[1])} {self._table.until} {self._words.spoken(match[2])}"

    # Money

    def _amount(self, number: str, scale: str | None, sign: str) -> str | None:
        unit, cent = self._table.currencies[sign]
        if scale:
            return f"{self._scaled(number, scale)} {self._table.of}{unit[1]}".replace("  ", " ")
        whole, _, decimals = number.partition(self._words.decimal)
        if len(decimals) > 2:
            return None
        cents = int(decimals.ljust(2, "0")) if decimals else 0
        parts = [self._counted(whole, unit)] if whole.strip("0., ") or not cents else []
        parts += [self._counted(str(cents), cent)] if cents else []
        return f" {self._table.and_} ".join(parts)

    def _scaled(self, number: str, scale: str) -> str:
        noun = self._table.scales[scale]
        if noun[0] == noun[1]:
            return f"{self._words.spoken(number)} {noun[0]}"
        return self._counted(number, noun)

    def _money_rules(self) -> tuple[Rule, ...]:
        table, number = self._table, self._words.number
        sign, scale = one_of(table.currencies), one_of(table.scales)
        return (
            Rule(
                rf"{_START}({number}){_DASH}({number})\s?({sign})(?!\w)",
                lambda m: self._range(m[1], self._amount(m[2], None, m[3])),
            ),
            Rule(
                rf"{_START}([-−+])?({number})(?:\s?({scale})(?![^\W\d_]))?(?: {table.of.strip() or '-'})?\s?"
                rf"({sign})(?!\w)",
                lambda m: self._signed(m[1], self._amount(m[2], m[3], m[4])),
            ),
            Rule(
                rf"(?<![\w.,])([-−+])?({sign})\s?({number})(?:\s?({scale})(?!\w))?{_END}",
                lambda m: self._signed(m[1], self._amount(m[3], m[4], m[2])),
            ),
        )

    def _signed(self, sign: str | None, said: str | None) -> str | None:
        return None if said is None else self._sign(sign) + said

    def _range(self, low: str, high: str | None) -> str | None:
        return None if high is None else f"{self._words.spoken(low)} {self._table.until} {high}"

    # Units, fractions, ranges

    def _amount_rules(self) -> tuple[Rule, ...]:
        table, number = self._table, self._words.number
        unit, scale = one_of(table.units), one_of(table.scales)
        return (
            Rule(r"(?<![\w/.,])(?:(\d{1,9}) )?(\d{1,3})/(\d{1,3})(?![\w/])", self._fraction),
            Rule(
                rf"{_START}({number}){_DASH}({number})\s?({unit}){_UNIT_END}",
                lambda m: self._range(m[1], self._counted(m[2], (table.units[m[3]][1],) * 2)),
            ),
            Rule(
                rf"{_START}([-−+])?({number})\s?({unit}){_UNIT_END}",
                self._quantity,
            ),
            Rule(rf"{_START}({number})\s?({scale})(?!\w)", lambda m: self._scaled(m[1], m[2])),
        )

    def _quantity(self, match: Match[str]) -> str:
        said = self._sign(match[1]) + self._counted(match[2], self._table.units[match[3]])
        return f"{said}." if match[3].endswith(".") and not match.string[match.end() :].strip() else said

    def _fraction(self, match: Match[str]) -> str | None:
        whole, top, bottom = match[1], int(match[2]), int(match[3])
        table, cardinal = self._table, self._words.cardinal
        if bottom == 2 and top == 1:
            return table.half[0] if not whole else table.mixed(cardinal(int(whole)), table.half[1])
        if bottom not in table.denominators:
            return None
        noun = table.denominators[bottom]
        part = f"{table.with_noun(cardinal(top), False)} {noun[top != 1]}"
        return part if not whole else f"{cardinal(int(whole))} {table.joint} {part}"

    def _range_rules(self) -> tuple[Rule, ...]:
        number = self._words.number
        return (Rule(rf"{_START}({number}){_DASH}(?={number}(?!\w|-))", lambda m: f"{m[1]} {self._table.until} "),)

    # Roman numerals and abbreviations

    def _roman_rules(self) -> tuple[Rule, ...]:
        table = self._table
        rules = [
            Rule(table.numbered.replace("ROMAN", ROMAN), self._numbered),
            Rule(rf"\b({table.rulers}) ({ROMAN})(?:er)?\b(?:\.(?=\s[a-zà-ÿ]))?(?!\w)", self._ruler),
        ]
        if table.centuries:
            pattern, said = table.centuries
            rules.append(Rule(pattern.replace("ROMAN", ROMAN), partial(self._century, said)))
        return tuple(rules)

    def _numbered(self, match: Match[str]) -> str | None:
        value = roman_number(match[2])
        return None if value is None else f"{match[1]} {self._words.cardinal(value)}"

    def _century(self, said: Callable[[Cardinal, int], str], match: Match[str]) -> str | None:
        value = roman_number(match[1])
        return None if value is None else said(self._words.cardinal, value)

    def _ruler(self, match: Match[str]) -> str | None:
        value = roman_number(match[2])
        return None if value is None else f"{match[1]} {self._table.roman(self._words.cardinal, value)}"

    def _abbreviation(self, match: Match[str]) -> str:
        long = self._table.abbreviations[match[0]]
        ends = match[0].endswith(".") and not match.string[match.end() :].strip(" \"')")
        return f"{long}." if ends else long
