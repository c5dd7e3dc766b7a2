"""Dates, years, decades and times of day."""

from re import Match

from speechd.tts.normalization.numbers import cardinal, decade, number, ordinal, year
from speechd.tts.normalization.rules import Rule, replaced_by

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTH = "(?:" + "|".join(f"{name}|{name[:3]}\\.?" for name in MONTHS) + "|Sept\\.?)"
_WEEKDAYS = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Tues": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Thur": "Thursday",
    "Thurs": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
}
_ZONES = "UTC|GMT|EST|EDT|CST|CDT|MST|MDT|PST|PDT|CET|CEST|EET|EEST|BST|IST|JST|AEST|AEDT|ET|PT|CT|MT"
_YEAR = r"1[1-9]\d\d|20\d\d"
_HALF = r"[AaPp]\.?\s?[Mm]\b\.?"
_DASH = r"\s?[-–]\s?"
_BOOKS = (
    "Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Samuel|Kings|Chronicles|Ezra|Nehemiah|Esther|Job"
    "|Psalms?|Proverbs|Ecclesiastes|Isaiah|Jeremiah|Lamentations|Ezekiel|Daniel|Hosea|Joel|Amos|Obadiah|Jonah|Micah"
    "|Nahum|Habakkuk|Zephaniah|Haggai|Zechariah|Malachi|Matthew|Mark|Luke|John|Acts|Romans|Corinthians|Galatians"
    "|Ephesians|Philippians|Colossians|Thessalonians|Timothy|Titus|Philemon|Hebrews|James|Peter|Jude|Revelation|Surah"
)


def date(years: str, month: str, day: str) -> str | None:
    """`2026`, `11`, `20` -> `November twentieth, twenty twenty six`; None where there is no such day."""
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    return f"{MONTHS[int(month) - 1]} {ordinal(int(day))}, {year(int(years))}"


def time(hour: str, minute: str, second: str | None = None, half: str | None = None) -> str | None:
    """`9`, `05`, None, `pm` -> `nine oh five P M`; None where there is no such time."""
    if int(hour) > 24 or int(minute) > 59:
        return None
    if int(hour) == 0 and int(minute) == 0 and not second:
        return "midnight"
    past = f"oh {cardinal(int(minute))}" if int(minute) < 10 else cardinal(int(minute))
    spoken = f"{cardinal(int(hour))} {past}"
    if int(minute) == 0:
        spoken = cardinal(int(hour)) if half or second else f"{cardinal(int(hour))} o'clock"
    if second:
        spoken += f" and {cardinal(int(second))} second{'' if int(second) == 1 else 's'}"
    return spoken + (f" {half[0].upper()} M" if half else "")


def _full_year(text: str) -> int:
    """Two digits stand for 1970 to 2069 (POSIX `strptime` turns at 69)."""
    number = int(text)
    return number if len(text) > 2 else number + (1900 if number >= 70 else 2000)


def _iso(match: Match[str]) -> str | None:
    """`2026-11-20T14:30:00+02:00`"""
    day = date(match[1], match[2], match[3])
    if day is None or match[4] is None:
        return day
    second = match[6] if match[6] and int(match[6]) else None
    clock = time(match[4], match[5], second)
    return f"{day}, {clock}{_zone(match[7])}" if clock else None


def _zone(offset: str | None) -> str:
    """`+02:00` -> ` U T C plus two`"""
    if not offset:
        return ""
    if offset[0] not in "+-":
        return " U T C" if offset == "Z" else " " + " ".join(offset)
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    sign = "plus" if offset[0] == "+" else "minus"
    return f", U T C {sign} {cardinal(hours)}" + (f" {cardinal(minutes)}" if minutes else "")


def _slashed(match: Match[str]) -> str | None:
    """American order, unless only the other makes a date."""
    first, second, years = match[1], match[2], str(_full_year(match[3]))
    return date(years, first, second) or date(years, second, first)


def _dotted(match: Match[str]) -> str | None:
    return date(match[3], match[2], match[1])


def _full_month(text: str) -> str:
    return next(name for name in MONTHS if name.startswith(text[:3]))


def _month_day(match: Match[str]) -> str | None:
    """`Nov. 3rd, 1984`, `May 5-7`"""
    if not 1 <= int(match["day"]) <= 31:
        return None
    spoken = f"{_full_month(match['month'])} {ordinal(int(match['day']))}"
    spoken += f" to {ordinal(int(match['last']))}" if match["last"] else ""
    return f"{spoken}, {year(int(match['year']))}" if match["year"] else spoken


def _day_month(match: Match[str]) -> str | None:
    """`3 November 1984`"""
    if not 1 <= int(match["day"]) <= 31:
        return None
    days = ordinal(int(match["day"])) + (f" to {ordinal(int(match['last']))}" if match["last"] else "")
    lead = match["the"] or "the "
    spoken = f"{lead}{days} of {_full_month(match['month'])}"
    return f"{spoken}, {year(int(match['year']))}" if match["year"] else spoken


def _clock(match: Match[str]) -> str | None:
    said = time(match[1], match[2], match[3], match[4])
    if said is None:
        return None
    return said + (f" {' '.join(match[5])}" if match[5] else "") + _stop(match)


def _stop(match: Match[str]) -> str:
    """The full stop of `a.m.` where it ends the sentence too."""
    if not match[0].endswith("."):
        return ""
    rest = match.string[match.end() :].lstrip(" \"')")
    starts_a_sentence = rest[:1].isupper() and not rest.startswith((*MONTHS, *_WEEKDAYS.values(), *_ZONES.split("|")))
    return "." if not rest or rest.startswith("\n") or starts_a_sentence else ""


def _hours(match: Match[str]) -> str:
    """`9 a.m.`"""
    return f"{cardinal(int(match[1]))} {match[2][0].upper()} M" + _stop(match)


def _time_range(match: Match[str]) -> str | None:
    """`9-11:30 a.m.`"""
    ends = []
    for hour, minute, half in (match.group(1, 2, 3), match.group(4, 5, 6)):
        if int(hour) > 24:
            return None
        clock = time(hour, minute or "00", None, half) if minute else cardinal(int(hour))
        ends.append(clock if minute or not half else f"{clock} {half[0].upper()} M")
    return " to ".join(map(str, ends)) + _stop(match)


def _decade(match: Match[str]) -> str | None:
    said = decade(match["n"])
    return None if said is None else (match["lead"] or "") + said


def _season(match: Match[str]) -> str | None:
    """`1990-95`; the second year is after the first."""
    if int(match[2]) <= int(match[1]) % 100:
        return None
    return f"{year(int(match[1]))} to {cardinal(int(match[2]))}"


def _year_month(match: Match[str]) -> str:
    return f"{MONTHS[int(match[2]) - 1]} {year(int(match[1]))}"


def _before_christ(match: Match[str]) -> str:
    count = match[1].replace(",", "")
    said = year(int(count)) if match[2][0] in "AC" and len(count) < 5 else number(count)
    return f"{said} {' '.join(match[2].replace('.', ''))}"


DATE_RULES: tuple[Rule, ...] = (
    Rule(
        r"\b(\d{4})-(\d\d)-(\d\d)(?:(?:T|,? )(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?\s?(Z|UTC|GMT"
        r"|[+-]\d\d:?\d\d)?)?(?!\w)",
        _iso,
    ),
    Rule(r"\b(\d{4})/(\d\d)/(\d\d)\b", lambda m: date(m[1], m[2], m[3])),
    Rule(r"(?<![\w/])(\d\d?)/(\d\d?)/(\d{4}|\d\d)(?![\w/])", _slashed),
    Rule(r"(?<![\w.])(\d\d?)\.(\d\d?)\.(\d{4})(?![\w])", _dotted),
    Rule(
        r"\b([Oo]n|[Bb]y|[Uu]ntil|[Ff]rom|[Bb]efore|[Aa]fter|[Ss]ince|[Dd]ue) (1[0-2]|[1-9])/([12]\d|3[01]"
        r"|[1-9])(?![\w/])",
        lambda m: f"{m[1]} {MONTHS[int(m[2]) - 1]} {ordinal(int(m[3]))}",
    ),
    Rule(
        r"\b(Mon|Tues?|Wed|Thu(?:rs?)?|Fri)\.(?=\W|$)|"
        rf"\b(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\.?(?=,? (?:\d|(?:{_MONTH})[ ]\d)|[-–](?:Mon|Tue|Wed|Thu|Fri"
        rf"|Sat|Sun))",
        lambda m: _WEEKDAYS[m[1] or m[2]],
    ),
    Rule(r"(?<=day)[-–](Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?", lambda m: f" to {_WEEKDAYS[m[1]]}"),
    Rule(
        rf"\b(?P<month>{_MONTH})\s+(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?:{_DASH}(?P<last>[0-3]?\d)(?:st|nd|rd|th)?)?"
        r"\b(?![.:,]?\d|\s?[ap]\.?m)(?:,?\s+(?P<year>\d{4})\b(?!\s?(?:people|miles|km)))?",
        _month_day,
    ),
    Rule(
        rf"(?P<the>\b[Tt]he )?(?<![\d.,:/])\b(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?:{_DASH}(?P<last>[0-3]?\d)(?:st"
        rf"|nd|rd|th)?)?"
        rf"\s+(?P<month>{_MONTH})(?![\w])(?:,?\s+(?P<year>\d{{4}})\b)?",
        _day_month,
    ),
    Rule(rf"(?<=[a-z]) [-–] (?={_MONTH} [a-z])", replaced_by(" to ")),
    Rule(rf"\b({_YEAR})-(0[1-9])\b(?![-\d])", _year_month),
    Rule(rf"\b({_YEAR})[-–/](\d\d)\b(?![-–/\d])", _season),
    Rule(
        r"(?P<lead>\b(?:[Tt]he|[Ii]n|[Ee]arly|[Mm]id|[Ll]ate|[Hh]is|[Hh]er|[Tt]heir|[Mm]y|[Oo]ur|[Yy]our|[Rr]oaring|[Uu]pper|[Ll]ower|[Hh]igh|[Ll]ow"
        r"|[Ss]winging)[ -])'?(?P<n>[2-9]0)'?s\b",
        _decade,
    ),
    Rule(r"(?P<lead>)(?<!\w)'(?P<n>[2-9]0)s\b", _decade),
    Rule(r"(?<!\w)'(\d)(\d)(?![\w'\"])", lambda m: ("oh " if m[1] == "0" else "") + cardinal(int(m[1] + m[2]))),
    Rule(r"(?P<lead>)(?<![\w.,$€£])(?P<n>(?:1\d|20)\d0)['’]?s\b", _decade),
    Rule(r"\b(\d[\d,]{0,12})\s?(BCE|BC|AD|CE|B\.C\.E?\.?|A\.D\.?)(?![\w])", _before_christ),
    Rule(r"\bAD\s(\d{1,4})\b", lambda m: f"A D {year(int(m[1]))}"),
    Rule(
        r"\b([Oo]dds|[Rr]atio|[Ss]cale)( (?:of|is|was|are|were))? (\d{1,6})\s?:\s?(\d{1,6})\b",
        lambda m: f"{m[1]}{m[2] or ''} {number(m[3])} to {number(m[4])}",
    ),
    Rule(
        r"(?<![\w:])(\d{1,6}):(\d{1,6})(?= (?:odds|ratio|scale|mix|split|aspect|model)\b)",
        lambda m: f"{number(m[1])} to {number(m[2])}",
    ),
    Rule(
        rf"\b((?:[1-3] )?(?:{_BOOKS})) (\d{{1,3}}):(\d{{1,3}})(?:[-–](\d{{1,3}}))?\b",
        lambda m: _verse(m),
    ),
    Rule(rf"(?<![\w:.$-])(\d\d?)(?::([0-5]\d))?\s?({_HALF})?{_DASH}(\d\d?)(?::([0-5]\d))?\s?({_HALF})", _time_range),
    Rule(r"(?<=:\d\d)\s?[-–]\s?(?=\d\d?:\d\d)", replaced_by(" to ")),
    Rule(rf"(?<![\w:.])(\d\d?)\.([0-5]\d)()\s?({_HALF})()", _clock),
    Rule(
        rf"(?<![\w:.])(\d\d?):([0-5]\d)(?::([0-5]\d))?(?!:?\d)(?:\s?({_HALF}))?(?:\s({_ZONES})\b)?",
        _clock,
    ),
    Rule(rf"(?<![\w:.,])(\d\d?)\s?({_HALF})", _hours),
    Rule(r"\b(\d\d)(\d\d) hours\b", lambda m: _military(m)),
    Rule(r"\b(\d{1,6})-in-(\d{1,9})\b", lambda m: f"{number(m[1])} in {number(m[2])}"),
    Rule(r"(?<=\dh)( ?)(\d\d?)m?\b", lambda m: f" {number(m[2])} minute{'' if m[2] == '1' else 's'}"),
    Rule(r"\b(\d\d?)m(?= ?\d\d?s\b)", lambda m: f"{number(m[1])} minute{'' if m[1] == '1' else 's'}"),
    Rule(rf"(?<= M )({_ZONES})\b", lambda m: " ".join(m[1])),
)


def _military(match: Match[str]) -> str | None:
    """`0900 hours` -> `oh nine hundred hours`"""
    if int(match[1]) > 24 or int(match[2]) > 59:
        return None
    hour = ("oh " if match[1][0] == "0" else "") + cardinal(int(match[1]))
    minute = "hundred" if match[2] == "00" else time("1", match[2])
    return f"{hour} {str(minute).removeprefix('one ')} hours"


def _verse(match: Match[str]) -> str:
    """`1 Corinthians 13:4-7`"""
    book, last = match[1], match[4]
    if book[0].isdigit():
        book = ("First", "Second", "Third")[int(book[0]) - 1] + book[1:]
    verses = cardinal(int(match[3])) + (f" to {cardinal(int(last))}" if last else "")
    return f"{book} {cardinal(int(match[2]))} {verses}"
