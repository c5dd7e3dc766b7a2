"""The languages Whisper knows, by every name that callers use for them.

Codes are ISO 639-1 where one exists, else ISO 639-3 (`haw`, `yue`). Whisper's own vocabulary differs once: its token
for Javanese is the withdrawn code `jw`. `whisper_code` and `find` convert it.
"""

from dataclasses import dataclass

TABLE = """
af  Afrikaans       afr
am  Amharic         amh
ar  Arabic          ara arb
as  Assamese        asm
az  Azerbaijani     aze azj azb
ba  Bashkir         bak
be  Belarusian      bel
bg  Bulgarian       bul
bn  Bengali         ben bangla
bo  Tibetan         bod tib
br  Breton          bre
bs  Bosnian         bos
ca  Catalan         cat valencian
cs  Czech           ces cze
cy  Welsh           cym wel
da  Danish          dan
de  German          deu ger
el  Greek           ell gre
en  English         eng
es  Spanish         spa castilian
et  Estonian        est ekk
eu  Basque          eus baq
fa  Persian         fas per pes farsi
fi  Finnish         fin
fo  Faroese         fao
fr  French          fra fre
gl  Galician        glg
gu  Gujarati        guj
ha  Hausa           hau
haw Hawaiian
he  Hebrew          heb iw
hi  Hindi           hin
hr  Croatian        hrv
ht  Haitian_Creole  hat haitian
hu  Hungarian       hun
hy  Armenian        hye arm
id  Indonesian      ind in
is  Icelandic       isl ice
it  Italian         ita
ja  Japanese        jpn
jv  Javanese        jav jw
ka  Georgian        kat geo
kk  Kazakh          kaz
km  Khmer           khm
kn  Kannada         kan
ko  Korean          kor
la  Latin           lat
lb  Luxembourgish   ltz letzeburgesch
ln  Lingala         lin
lo  Lao             lao
lt  Lithuanian      lit
lv  Latvian         lav lvs
mg  Malagasy        mlg
mi  Maori           mri mao
mk  Macedonian      mkd mac
ml  Malayalam       mal
mn  Mongolian       mon khk
mr  Marathi         mar
ms  Malay           msa may zsm zlm
mt  Maltese         mlt
my  Myanmar         mya bur burmese
ne  Nepali          nep npi
nl  Dutch           nld dut flemish
nn  Nynorsk         nno
no  Norwegian       nor nb nob bokmål bokmal
oc  Occitan         oci
pa  Punjabi         pan panjabi
pl  Polish          pol
ps  Pashto          pus pushto
pt  Portuguese      por
ro  Romanian        ron rum mo moldavian moldovan
ru  Russian         rus
sa  Sanskrit        san
sd  Sindhi          snd
si  Sinhala         sin sinhalese
sk  Slovak          slk slo
sl  Slovenian       slv
sn  Shona           sna
so  Somali          som
sq  Albanian        sqi alb
sr  Serbian         srp
su  Sundanese       sun
sv  Swedish         swe
sw  Swahili         swa swh
ta  Tamil           tam
te  Telugu          tel
tg  Tajik           tgk
th  Thai            tha
tk  Turkmen         tuk
tl  Tagalog         tgl fil filipino
tr  Turkish         tur
tt  Tatar           tat
uk  Ukrainian       ukr
ur  Urdu            urd
uz  Uzbek           uzb
vi  Vietnamese      vie
yi  Yiddish         yid ji
yo  Yoruba          yor
yue Cantonese       zh-yue
zh  Chinese         zho chi cmn mandarin
"""
"""One language on each line: code, English name (`_` for a space), then its ISO 639-2/3 codes and other names."""


@dataclass(frozen=True, slots=True)
class Language:
    """One spoken language."""

    code: str
    """ISO 639-1, or ISO 639-3 where there is none."""
    name: str
    """English name as the hosted services print it, `Haitian Creole`."""
    aliases: tuple[str, ...] = ()
    """ISO 639-2 (both variants) and 639-3 codes, withdrawn codes and other English names, in lower case."""


def _parse(line: str) -> Language:
    code, name, *aliases = line.split()
    return Language(code, name.replace("_", " "), tuple(aliases))


LANGUAGES: dict[str, Language] = {
    language.code: language for language in map(_parse, filter(str.strip, TABLE.splitlines()))
}
"""Code -> language, the hundred of Whisper large-v3."""

_BY_NAME = {
    key: language
    for language in LANGUAGES.values()
    for key in (language.code, language.name.lower(), *language.aliases)
}


def find(text: str) -> Language | None:
    """The language called `en`, `en-US`, `eng`, `English` or the like, upper or lower case; None when unknown.

    Of a BCP 47 tag only the language counts: Whisper has one token per language, none per region or script. `zh-yue`
    names a language by its macrolanguage and extended subtag (RFC 5646, section 2.2.2): it is `yue`.
    """
    name = " ".join(text.replace("_", "-").lower().split())
    subtags = name.split("-")
    return _BY_NAME.get(name) or _BY_NAME.get("-".join(subtags[:2])) or _BY_NAME.get(subtags[0])


def english_name(code: str) -> str:
    """`de` -> `German`; an unknown or empty code is returned as it is."""
    language = find(code)
    return language.name if language else code


def whisper_code(code: str) -> str:
    """The code in Whisper's language token: `jw` for Javanese, else the same code."""
    return "jw" if code == "jv" else code
