# ruff: noqa: E501 (a table reads best with one row a line)
"""Every sentence that is spoken in the fixtures, and by whom.

The sentences follow the templates of the embedded model's domain (weather, times, prices, family,
numbers ...) and were picked by hand. Whoever trains a model must keep these texts out of its
training text: read them from `manifest.json`. Short set phrases ("Good morning.") are left out on
purpose, so that keeping the texts out costs a model nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One sentence, its voice and, if it is not English, its translation."""

    file: str
    """File name of the clip, with its extension; empty inside a longer recording."""
    voice: str
    """Voice name as `recipe.voices.Voice` takes it."""
    text: str
    """What is said."""
    english: str | None = None
    """The English translation of a sentence in another language."""
    tags: tuple[str, ...] = ("clean",)
    """`hard` marks a sentence that some version of the embedded model got partly wrong."""

    @property
    def language(self) -> str:
        """ISO 639-1 code, from the file's name."""
        return self.file[:2]


_HARD = ("clean", "hard")

SHORT_CLIPS = (
    Line("en_going_to_the_library.wav", "espeak:en-us+f2@160", "Laura and Simon are going to the library."),
    Line("en_weather_in_lisbon.flac", "espeak:en-us+michel@160", "The weather in Lisbon is windy."),
    Line("en_television.flac", "flite:slt", "Turn off the television, please."),
    Line("en_market_next_week.flac", "espeak:en-us+linda@165", "We are going to the market next week."),
    Line("en_october_eleventh.flac", "espeak:en-gb-x-rp+m3@155", "The date is October eleventh."),
    Line("en_fourteen_plus_nineteen.flac", "espeak:en-us+belinda@160", "Fourteen plus nineteen is thirty-three."),
    Line("en_helena.flac", "flite:awb", "Helena is sixty-two years old."),
    Line("en_piece_of_cake.flac", "espeak:en-gb-scotland+m7@160", "I would like a piece of cake, please."),
    Line("en_shirt.flac", "espeak:en-us@160", "The shirt costs thirty-eight euros."),
    Line("en_seventeen_bottles.flac", "flite:rms", "I need seventeen bottles.", tags=_HARD),
    Line("en_newspaper.flac", "flite:kal16", "My sister is looking for the newspaper."),
    Line("en_bridge.flac", "flite:rms", "The bridge is old.", tags=_HARD),
    Line("es_viernes.flac", "espeak:es-419+m3@155", "La reunión es el viernes a las diez.", "The meeting is on Friday at ten o'clock."),
    Line("es_vaso_de_agua.flac", "espeak:es+Alicia@160", "Quisiera un vaso de agua, por favor.", "I would like a glass of water, please.", tags=_HARD),
    Line("es_playa.flac", "espeak:es+f4@155", "Vamos a la playa mañana.", "We are going to the beach tomorrow."),
    Line("es_casa_blanca.flac", "espeak:es@155", "La casa es blanca.", "The house is white."),
    Line("es_quince_sillas.flac", "espeak:es+Alicia@160", "Alexander tiene quince sillas.", "Alexander has fifteen chairs."),
    Line("es_lampara.flac", "espeak:es+f2@155", "Enciende la lámpara, por favor.", "Turn on the lamp, please."),
    Line("es_ventana.flac", "espeak:es@155", "La ventana es grande.", "The window is big.", _HARD),
    Line("es_carta.flac", "espeak:es+f4@155", "Mi hermano busca la carta.", "My brother is looking for the letter.", _HARD),
    Line("de_freitag.flac", "espeak:de+m7@155", "Das Treffen ist am Freitag um zehn Uhr.", "The meeting is on Friday at ten o'clock."),
    Line("de_strand.flac", "espeak:de+linda@155", "Wir gehen morgen zum Strand.", "We are going to the beach tomorrow."),
    Line("de_fenster.flac", "espeak:de+f5@155", "Das Fenster ist groß.", "The window is big."),
    Line("de_haus.flac", "espeak:de+norbert@155", "Das Haus ist weiß.", "The house is white."),
    Line("de_lampe.flac", "espeak:de+m7@155", "Bitte mach die Lampe an.", "Turn on the lamp, please."),
    Line("de_zug.flac", "espeak:de@155", "Der Zug fährt um neun Uhr zwanzig.", "The train leaves at nine twenty."),
    Line("fr_train.flac", "espeak:fr@155", "Mon frère cherche le train.", "My brother is looking for the train."),
    Line("fr_gare.flac", "espeak:fr+f4@155", "Thomas et Sophia vont à la gare.", "Thomas and Sophia are going to the station."),
    Line("fr_bibliotheque.flac", "espeak:fr+Alicia@160", "Nous allons à la bibliothèque ce soir.", "We are going to the library this evening."),
    Line("fr_lundi.flac", "espeak:fr-be+m7@155", "La réunion est lundi à dix heures.", "The meeting is on Monday at ten o'clock."),
    Line("fr_paris.flac", "espeak:fr+linda@155", "Le temps à Paris est chaud.", "The weather in Paris is warm."),
    Line("fr_berlin.flac", "espeak:fr-ch+norbert@155", "J'habite à Berlin avec ma mère.", "I live in Berlin with my mother."),
)  # fmt: skip
"""One clip each. The first is the one to try a service with: short, clean, English."""

CONTAINER_LINE = Line("", "espeak:en-us+f2@160", "David and Maria are going to the market.")
"""The sentence that is encoded in every container and sample format."""

LEFT_LINE = Line("", "espeak:en-us@160", "The meeting is on Thursday at four o'clock.")
"""The speaker on the left; also the one who is alone in one channel."""

RIGHT_LINE = Line("", "espeak:en-us+belinda@160", "The number is seven two nine four one.")
"""The speaker on the right."""

CALL = (
    (1, 0.3, Line("", "flite:slt", "The train leaves at twelve thirty.")),
    (2, 1.9, Line("", "espeak:en-us@160", "The shirt costs thirty-eight euros.")),
    (1, 3.4, Line("", "flite:slt", "Turn off the television, please.")),
    (2, 5.9, Line("", "espeak:en-us@160", "The meeting is on Thursday at four o'clock.")),
    (1, 6.4, Line("", "flite:slt", "The garden is green.")),
    (2, 9.0, Line("", "espeak:en-us@160", "Robert has fifty-six letters.")),
    (1, 10.6, Line("", "flite:slt", "My favorite color is yellow.")),
)
"""A call: channel, second at which the turn begins, and what is said. Most turns begin before the other one ends."""

NOISY_LINE = Line("", "espeak:en-us@160", "The train leaves at eight forty-five.")
"""The sentence under noise."""

PAUSES = (
    (Line("", "espeak:en-us@160", "Clara is learning Italian."), 0.2),
    (Line("", "flite:slt", "The garden is green."), 0.5),
    (Line("", "espeak:en-us+m3@160", "The boat costs seventy-four euros."), 1.0),
    (Line("", "espeak:en-us+f2@160", "Does Victoria have the key?"), 2.5),
    (Line("", "flite:kal16", "Martin and Emma are going to the museum."), 0.3),
    (Line("", "espeak:en-us+linda@165", "The weather in Paris is rainy."), 3.0),
    (Line("", "espeak:en-us@160", "Robert has fifty-six letters."), 1.8),
    (Line("", "flite:slt", "The train leaves at twelve thirty."), 0.7),
    (Line("", "espeak:en-us+f2@160", "I would like a soup, please."), 0.0),
)
"""A 25 s conversation: each sentence with the pause in seconds that follows it."""

LONG_VOICES = (
    "espeak:en-us@160",
    "flite:slt",
    "espeak:en-us+f2@160",
    "espeak:en-gb-x-rp+m3@155",
    "flite:kal16",
    "espeak:en-us+linda@165",
    "flite:awb",
    "espeak:en-us+m7@160",
)
"""The voices of the 3-minute recording, in turn."""

LONG_TEXTS = (
    "The weather in Chicago is cold today.",
    "Julia has forty-one tickets.",
    "We are going to the airport tomorrow.",
    "David is thirty-seven years old.",
    "I would like an orange juice, please.",
    "The train leaves at six fifteen.",
    "Sophia lives in New York.",
    "Turn off the heating, please.",
    "The church is beautiful.",
    "Thomas and Clara are going to the station.",
    "I need ninety-two oranges.",
    "My favorite color is yellow.",
    "Daniel is learning Russian.",
    "The number is four zero six one eight.",
    "The table costs eighty-three euros.",
    "Does Peter have the newspaper?",
    "Where is the school?",
    "Twelve plus twenty-six is thirty-eight.",
    "The date is February sixteenth.",
    "Hello Maria, how are you?",
    "The kitchen is clean.",
    "I see the bridge.",
    "Simon has twenty-nine bottles.",
    "The meeting is on Tuesday at eleven o'clock.",
    "Laura is learning German.",
    "The weather in Madrid is warm.",
    "We are going to the doctor next week.",
    "The computer is expensive.",
    "Victoria is fifty-four years old.",
    "I would like a salad, please.",
    "Turn off the radio, please.",
    "The train leaves at ten fifty-five.",
    "Paul has sixty-three eggs.",
    "Where is the hotel?",
    "My name is Alexander.",
    "Helena lives in Hamburg.",
    "Twenty-one plus nine is thirty.",
    "The flower is red.",
    "The number is nine nine three five.",
    "Anna and Oliver are going to the cinema.",
    "Today is Wednesday.",
    "I need forty-eight books.",
    "The chair costs sixty-seven euros.",
    "The date is August twelfth.",
    "Does Emma have the phone?",
    "Robert is learning Chinese.",
    "We are going to the museum today.",
    "The city is big.",
    "Eva has eighty-five keys.",
    "I would like a glass of water, please.",
    "The weather in Vienna is sunny.",
    "The meeting is on Sunday at seven o'clock.",
    "Martin is seventy-six years old.",
    "The bag is black.",
    "Turn on the music, please.",
    "Thirty-five plus four is thirty-nine.",
    "Clara lives in Munich.",
    "Where is the letter?",
    "The number is two eight zero seven.",
    "David and Julia are going to the beach.",
    "The shirt is cheap.",
    "Thomas has eighteen horses.",
    "The train leaves at three forty.",
    "I would like bread and cheese, please.",
    "Sophia is forty-four years old.",
    "The weather in Hamburg is windy today.",
    "Does Daniel have the bag?",
    "The date is November fifth.",
    "We are going to the station later.",
)
"""What is said in the 3-minute recording, in order."""
