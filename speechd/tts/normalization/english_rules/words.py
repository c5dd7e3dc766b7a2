"""Abbreviations, Roman numerals, symbols, initials."""

import re
from re import Match

from speechd.tts.normalization.numbers import cardinal, ordinal
from speechd.tts.normalization.roman import ROMAN, roman_number
from speechd.tts.normalization.rules import Rule, one_of, replaced_by

ABBREVIATIONS = {
    "Dr.": "Doctor",
    "Mr.": "Mister",
    "Mrs.": "Missus",
    "Ms.": "Miz",
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Prof.": "Professor",
    "Gen.": "General",
    "Sgt.": "Sergeant",
    "Capt.": "Captain",
    "Lt.": "Lieutenant",
    "Col.": "Colonel",
    "Maj.": "Major",
    "Gov.": "Governor",
    "Sen.": "Senator",
    "Rep.": "Representative",
    "Rev.": "Reverend",
    "Hon.": "Honorable",
    "Jr.": "Junior",
    "Sr.": "Senior",
    "vs.": "versus",
    "vs": "versus",
    "etc.": "et cetera",
    "et al.": "et al",
    "e.g.": "for example",
    "i.e.": "that is",
    "cf.": "compare",
    "approx.": "approximately",
    "a.k.a.": "also known as",
    "aka": "also known as",
    "w/o": "without",
    "w/": "with ",
    "b/c": "because",
    "Inc.": "Incorporated",
    "Ltd.": "Limited",
    "Corp.": "Corporation",
    "Co.": "Company",
    "Bros.": "Brothers",
    "Dept.": "Department",
    "dept.": "department",
    "Univ.": "University",
    "Ave.": "Avenue",
    "Blvd.": "Boulevard",
    "Rd.": "Road",
    "Ln.": "Lane",
    "Hwy.": "Highway",
    "Apt.": "Apartment",
    "apt.": "apartment",
    "Mt.": "Mount",
    "Ft.": "Fort",
    "Ph.D.": "P H D",
    "Fig.": "Figure",
    "fig.": "figure",
    "Vol.": "Volume",
    "vol.": "volume",
    "Ch.": "Chapter",
    "ch.": "chapter",
    "Sec.": "Section",
    "Eq.": "Equation",
    "ext.": "extension",
    "avg.": "average",
    "max.": "maximum",
    "min.": "minimum",
    "est.": "established",
    "Jan.": "January",
    "Feb.": "February",
    "Aug.": "August",
    "Sept.": "September",
    "Oct.": "October",
    "Nov.": "November",
    "Dec.": "December",
    ".NET": "dot net",
    "C++": "C plus plus",
    "C#": "C sharp",
    "F#": "F sharp",
    "and/or": "and or",
    "he/she": "he or she",
    "she/he": "she or he",
    "his/her": "his or her",
    "him/her": "him or her",
    "s/he": "she or he",
    "Yes/No": "Yes or No",
    "yes/no": "yes or no",
    "N/A": "not applicable",
    "n/a": "not applicable",
    "A/C": "A C",
    "km/h": "kilometers per hour",
}
_NEEDS_A_NUMBER = {"p": "page", "pp": "pages", "ch": "chapter", "chap": "chapter", "No": "number", "no": "number",
                   "Nos": "numbers", "nos": "numbers", "ca": "circa", "c": "circa", "p.": "page", "vol": "volume",
                   "art": "article", "Art": "Article", "sec": "section", "fl": "floor", "v": "version",
                   "Nr": "number", "est": "established", "b": "born", "d": "died",
                   "Rm": "Room", "Ste": "Suite"}  # fmt: skip
"""Abbreviations only before a number."""
SYMBOLS = {
    "&": "and",
    "@": "at",
    "+": "plus",
    "=": "equals",
    "%": "percent",
    "<": "less than",
    ">": "greater than",
    "°": "degrees",
    "×": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "≈": "about",
    "≤": "at most",
    "≥": "at least",
    "≠": "is not",
    "→": "to",
    "©": "copyright",
    "™": "trademark",
    "®": "registered",
    "§": "section",
    "π": "pi",
    "μ": "micro",
    "Ω": "ohms",
    "∞": "infinity",
    "√": "root of",
    "¶": "paragraph",
    "¢": "cents",
    "$": "dollars",
    "€": "euros",
    "£": "pounds",
}
_RULERS = (
    "Henry|George|Edward|Louis|Charles|James|William|Elizabeth|Richard|Philip|Napoleon|Frederick|Catherine|Mary"
    "|Alexander|Nicholas|Peter|Ivan|Paul|Pius|Benedict|Leo|Gregory|Francis|Ferdinand|Leopold|Albert|Ramses|Ramesses"
    "|Ptolemy|Otto|Christian|Gustav|Haakon|Harald|Olav|Wilhelm|Friedrich|Umberto|Emmanuel|Robert|Innocent"
    "|Clement|Urban|Boniface|Sixtus|Darius|Xerxes|Murad|Mehmed|Selim|Carlos|Felipe|Juan|Alfonso|Pedro|Maximilian"
    "|Joseph|Constantine|Justinian|Stephen|Victoria|Cleopatra|Margrethe|Willem|Baldwin|Casimir|Sigismund|Vladimir"
)
_TITLES = "King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Prince|Princess|Duke|Sultan|Pharaoh"
_NUMBERED = (
    "[Ww]ar|[Cc]hapter|[Pp]art|[Aa]ct|[Ss]cene|[Vv]olume|[Bb]ook|[Tt]ype|[Pp]hase|[Ss]tage|[Cc]lass|[Ll]evel|[Ss]ection|[Aa]rticle"
    "|[Tt]itle|[Ee]pisode|[Ss]eason|Bowl|[Gg]rade|[Aa]ppendix|[Tt]able|[Ff]igure|[Mm]ark|Mk\\.?|[Tt]ier|[Cc]anto|[Ss]ymphony"
    "|[Gg]roup|[Ff]actor|[Uu]nit|[Ss]tep|[Ll]ouis-Philippe|[Pp]rotocol|[Oo]lympiad|[Cc]ohort|[Dd]ivision|Apollo"
)
_END = r"(?![\w-]|'[^s\W])"


def _after_ruler(match: Match[str]) -> str | None:
    value = roman_number(match[2])
    return None if value is None else f"{match[1]} the {ordinal(value)}"


def _after_noun(match: Match[str]) -> str | None:
    value = roman_number(match[2].upper())
    return None if value is None else f"{match[1]} {cardinal(value)}"


def _century(match: Match[str]) -> str | None:
    value = roman_number(match[1])
    return None if value is None else ordinal(value)


def _abbreviation(match: Match[str]) -> str:
    """The long form; `etc.` at the very end keeps its full stop."""
    long = ABBREVIATIONS[match[0]]
    ends = match[0].endswith(".") and not match.string[match.end() :].strip(" \"')")
    return f"{long}." if ends else long


WORD_RULES_BEFORE_NUMBERS: tuple[Rule, ...] = (
    Rule(r"\bWW(?:(II)|I| ?(2)| ?1)\b", lambda m: f"World War {'two' if m[1] or m[2] else 'one'}"),
    Rule(r"\b(\d{1,5} (?:[NSEW]\. )?[A-Z]\w+) Dr\.(\s*$)?", lambda m: f"{m[1]} Drive{'.' if m[2] is not None else ''}"),
    Rule(
        r"\b(Boeing|Airbus A|Flight|flight|Highway|Interstate|Route|Room|room|Area|Apartment) ?(\d)(\d)([1-9])\b"
        r"(?![.,]\d)",
        lambda m: f"{m[1]} {cardinal(int(m[2]))} {'oh ' if m[3] == '0' else ''}{cardinal(int(m[3] + m[4]))}",
    ),
    Rule(
        r"\b([Vv]ersion|[Rr]elease|Python|Java|Node|iOS|Android|macOS|Ubuntu|Debian|PHP|Rust|Go|Django) "
        r"(\d{1,3})\.(\d{1,3})\b(?!\.\d)",
        lambda m: f"{m[1]} {cardinal(int(m[2]))} point {cardinal(int(m[3]))}",
    ),
    Rule(rf"\b((?:{_TITLES}) (?:[A-Z]\w+ )?[A-Z]\w+) ({ROMAN}){_END}", _after_ruler),
    Rule(rf"\b({_RULERS}) ((?=[IVX]{{2}}){ROMAN}|[VX](?=[\s,.;:!?')]|$)){_END}", _after_ruler),
    Rule(rf"\b({_RULERS}) (I)(?= of\b|'s\b|,|\.|$)", _after_ruler),
    Rule(rf"\b({ROMAN})(?= century\b| centuries\b| Olympiad\b| [Dd]ynasty\b| Corps\b)", _century),
    Rule(rf"\b({_NUMBERED}) (?![CL]\b)({ROMAN}){_END}", _after_noun),
    Rule(r"\b((?:[Ss]cene|[Cc]hapter|[Pp]art|[Ss]ection)) ([ivx]{1,5})\b(?!-)", _after_noun),
    Rule(rf"\b((?!(?:An|The)\b)[A-Z][a-z]\w*) ((?=[IVX]{{2}}){ROMAN}){_END}", _after_noun),
    Rule(rf"\b((?:{_NUMBERED})s?) ({ROMAN})([-–]| and | to | or )({ROMAN}){_END}", lambda m: _roman_range(m)),
    Rule(
        r"\b([Rr]oom|[Aa]pt\.?|[Aa]partment|[Gg]ate|[Ss]eat|[Ss]uite|[Uu]nit|[Ff]lat|[Ff]light|[Bb]lock) "
        r"(\d{1,4})([A-Z])\b",
        lambda m: f"{m[1]} {m[2]} {m[3]}",
    ),
    Rule(
        rf"(?<!\w)({one_of(_NEEDS_A_NUMBER)})\.\s?(?=\d)",
        lambda m: _NEEDS_A_NUMBER[m[1]] + " ",
    ),
    Rule(r"#\s?(?=\d)", replaced_by("number ")),
)
"""Run while digits are still digits."""


def _roman_range(match: Match[str]) -> str | None:
    low, high = roman_number(match[2]), roman_number(match[4])
    joint = match[3] if match[3].strip().isalpha() else " to "
    return None if low is None or high is None else f"{match[1]} {cardinal(low)}{joint}{cardinal(high)}"


WORD_RULES: tuple[Rule, ...] = (
    Rule(r"\bSt\.(?=\s[A-Z])", replaced_by("Saint")),
    Rule(r"\bSt\.(?=\s*$)", replaced_by("Street.")),
    Rule(r"\bSt\.", replaced_by("Street")),
    Rule(rf"(?<![\w/])(?:{one_of(ABBREVIATIONS)})(?=\W|$)|(?<![\w/])w/(?=\w)", _abbreviation),
    Rule(r"\b([A-Za-z])\.(?:\s?(?=[A-Z]\.)|(?=[a-z]\.))", lambda m: f"{m[1].upper()} "),
    Rule(r"(?<![AP] )\b([A-Z])\.(?=\s[A-Za-z])", lambda m: m[1]),
    Rule("[" + re.escape("".join(SYMBOLS)) + "]", lambda m: f" {SYMBOLS[m[0]]} "),
    Rule(r"(?<=\w)/(?=\w)", replaced_by(" slash ")),
)
