"""Numbers in languages other than English, as a person there reads them."""

import subprocess
import sys

import pytest

from speechd.tts.normalization.multilingual import STYLES, read_numbers


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("de", "Es sind 1.234,56 km.", "Es sind eintausendzweihundertvierunddreißig Komma fünf sechs Kilometer."),
        ("de", "Im Jahr 1984, nicht 2026.", "Im Jahr neunzehnhundertvierundachtzig, nicht zweitausendsechsundzwanzig."),
        ("de", "Das kostet 12,50 €.", "Das kostet zwölf Euro und fünfzig Cent."),
        ("de", "Nur 3 € statt 0,99 $?", "Nur drei Euro statt neunundneunzig Cent?"),
        ("de", "Am 3. März bis 21. Juni", "Am dritten März bis einundzwanzigsten Juni"),
        ("de", "Heute ist der 3. März.", "Heute ist der dritte März."),
        ("de", "-5 % und 3,5 %", "minus fünf Prozent und drei Komma fünf Prozent"),
        ("es", "Hay 2.500 libros y 3,14.", "Hay dos mil quinientos libros y tres coma catorce."),
        ("es", "El 1er piso, la 21a vez", "El primer piso, la vigésima primera vez"),
        ("es", "Cuesta 1 €, no 2,05 €.", "Cuesta un euro, no dos euros con cinco céntimos."),
        ("es-MX", "Son 1,234.5 pesos", "Son mil doscientos treinta y cuatro punto cinco pesos"),
        ("fr", "12 345 habitants", "douze mille trois cent quarante-cinq habitants"),
        ("fr", "La 1re et le 2e de 1999", "La première et le deuxième de mille neuf cent quatre-vingt-dix-neuf"),
        ("fr", "3,05 % ou 80 €", "trois virgule zéro cinq pour cent ou quatre-vingts euros"),
        ("it", "Il 3o di 21, la 3a", "Il terzo di ventuno, la terza"),
        ("it", "12,05 e 1.000.000", "dodici virgola zero cinque e un milione"),
        ("pt", "16 casas", "dezasseis casas"),
        ("pt-BR", "16 casas, 1.001 noites", "dezesseis casas, mil e um noites"),
        ("pt", "Custa 12,50 €", "Custa doze euros e cinquenta cêntimos"),
        ("nl", "De 3e van 2.000, 1,5 procent", "De derde van tweeduizend, één komma vijf procent"),
        ("ru", "Их 21, или 12,05.", "Их двадцать один, или двенадцать целых пять сотых."),
        ("ru", "3-й дом за 5 ₽", "третий дом за пять рублей"),
        ("uk", "2 000 книг, 3-й", "дві тисячі книг, третій"),
        ("pl", "To 5 zł 12 gr, 22 €", "To pięć złotych dwanaście gr, dwadzieścia dwa euro"),
        ("fi", "100 ja 2,5", "sata ja kaksi pilkku viisi"),
        ("ro", "25 %", "douăzeci și cinci la sută"),
        ("ca", "21 i 3,14", "vint-i-un i tres coma catorze"),
        ("lv", "21", "divdesmit viens"),
        ("id", "ke-3 dari 1.500", "ketiga dari seribu lima ratus"),
    ],
)
def test_numbers_are_read(language: str, written: str, said: str) -> None:
    assert read_numbers(written, *language.split("-")) == said


@pytest.mark.parametrize("key", STYLES)
def test_every_row_works(key: str) -> None:
    text = read_numbers("0; 7; 1984; -21; 3,14; 99,05 €; 5 $; 12 %; 999999999999999", *key.split("-"))
    assert not any(char.isdigit() for char in text.replace("3,14", "").replace("99,05", ""))
    assert "\x1f" not in text


@pytest.mark.parametrize(
    "text",
    ["14:30", "2026-11-20", "20/11/2026", "1.2.3", "192.168.0.1", "A4", "3D", "007", "0171-2345", "+49 30", "1" * 16],
)
@pytest.mark.parametrize("language", ["nl", "ru"])
def test_what_is_no_plain_number_is_left_to_the_voice(language: str, text: str) -> None:
    assert read_numbers(text, language).split()[0] == text.split()[0]


@pytest.mark.parametrize("language", ["sv", "cs", "zh", "xx", "en"])
def test_other_languages_are_left_to_the_voice(language: str) -> None:
    assert read_numbers("1 234", language) == "1 234"


def test_the_library_is_loaded_with_the_first_number() -> None:
    program = (
        "import sys, speechd.tts.text; assert 'num2words' not in sys.modules;"
        "from speechd.tts.normalization.multilingual import read_numbers; print(read_numbers('3', 'de'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "drei\n"


def test_without_the_library_the_voice_reads() -> None:
    program = (
        "import sys; sys.modules['num2words'] = None;"
        "from speechd.tts.normalization.multilingual import read_numbers; print(read_numbers('3', 'de'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"
    assert "num2words is not installed" in done.stderr
