"""Write evaluation/domain.txt: sentences of the domain grammar that training never sees.

Run once, before any training: `python -m models.training.asr.make_evaluation`.
"""

import random

from .text import lexicon
from .text.corpus import EVALUATION
from .text.grammar import Grammar
from .text.lexicon import LANGUAGES

COUNT, SEED = 320, 20


def main() -> None:
    """Draw COUNT sentences; frames without free slots, which training needs whole, are left out."""
    rng = random.Random(SEED)
    grammar = Grammar.read("domain", lexicon.load())
    fixed = {entry.cells["en"][0] for entry in grammar.lexicon["fixed"]}
    few = ("It is ", "Today is ", "My name is ", "My favorite color is ", "Turn o", "Hello ")
    lines: dict[str, None] = {}
    while len(lines) < COUNT:
        sentence = grammar.sentence(rng)
        if sentence["en"] not in fixed and not sentence["en"].startswith(few):
            lines["|".join(sentence[language] for language in LANGUAGES)] = None
    head = "# Domain sentences kept out of training: English|Spanish|German|French\n"
    (EVALUATION / "domain.txt").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
