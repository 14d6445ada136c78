"""The words of the embedded tasks.

One lexicon serves all kinds: what an encoder learns about a word in one task holds in every
other one. Opinion words lie on axes, each with a bright and a dark side of synonyms; places and
aspects come in pairs of synonyms.
"""


def sides(bright: str, dark: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the words of the two ends of an axis."""
    return tuple(bright.split()), tuple(dark.split())


AXES = (
    sides(
        "friendly gentle caring kind thoughtful polite tender courteous",
        "rude hostile harsh cruel spiteful nasty bitter surly",
    ),
    sides(
        "clean tidy spotless neat polished pristine orderly gleaming",
        "dirty messy filthy shabby grimy muddy dusty smelly",
    ),
    sides(
        "exciting lively vivid thrilling spirited gripping amusing sparkling",
        "boring dull tedious dreary lifeless bland flat monotonous",
    ),
    sides(
        "safe reliable secure sturdy trusty solid sound dependable",
        "risky unsafe shaky flimsy fragile dangerous faulty rickety",
    ),
    sides(
        "fresh modern original crisp inventive novel daring timely",
        "stale dated tired worn musty faded rusty outworn",
    ),
    sides(
        "lovely pretty elegant charming graceful beautiful stylish dainty",
        "ugly clumsy hideous garish unsightly gaudy tasteless crude",
    ),
    sides(
        "honest fair decent sincere upright loyal truthful candid",
        "unfair false shady crooked deceitful sly corrupt phoney",
    ),
    sides(
        "clever smart brilliant sensible wise witty shrewd astute",
        "silly stupid foolish absurd senseless daft witless inane",
    ),
    sides(
        "quick prompt swift speedy brisk nimble punctual rapid",
        "slow late sluggish delayed lagging tardy sleepy idle",
    ),
    sides(
        "calm quiet peaceful restful soothing serene tranquil mellow",
        "noisy loud chaotic hectic frantic rowdy shrill deafening",
    ),
    sides(
        "warm cosy inviting snug homely welcoming cheerful sunny",
        "cold bleak grim chilly forbidding gloomy icy dismal",
    ),
    sides(
        "rich generous ample lavish plentiful abundant bountiful hearty",
        "poor meagre scant sparse stingy paltry skimpy measly",
    ),
    sides(
        "helpful useful handy practical obliging supportive attentive willing",
        "useless unhelpful careless awkward neglectful lazy unwilling indifferent",
    ),
    sides(
        "skilled expert able capable deft adept masterly competent",
        "inept hopeless feeble unskilled botched bungled amateurish incompetent",
    ),
    sides(
        "bright colourful shiny radiant glowing dazzling luminous lustrous",
        "dark dim murky dingy sombre drab grey shadowy",
    ),
    sides(
        "happy merry joyful jolly glad upbeat delighted contented",
        "sad miserable glum unhappy sorrowful mournful dejected tearful",
    ),
    sides(
        "excellent great fine superb splendid wonderful marvellous terrific",
        "awful terrible bad dreadful horrid dire lousy appalling",
    ),
    sides(
        "clear simple plain lucid direct precise coherent logical",
        "confusing vague unclear muddled obscure tangled cryptic garbled",
    ),
    sides(
        "spacious roomy airy wide open vast broad uncluttered",
        "cramped narrow stuffy tight crowded poky packed airless",
    ),
    sides(
        "pleasant comfortable soft plush easy relaxing cushioned smooth",
        "unpleasant painful hard stiff lumpy sore rough irksome",
    ),
)
"""Per axis: the bright words, then the dark ones, each from frequent to rare."""

WORD_COUNTS = (8, 7, 6, 5, 4, 4, 3, 3)
"""How often the first, second ... word of a side is drawn, compared with the others."""

PLACES: tuple[tuple[str, str], ...] = (
    ("hotel", "inn"),
    ("cafe", "bistro"),
    ("museum", "gallery"),
    ("ferry", "boat"),
    ("school", "college"),
)
"""What is spoken of: two names for each."""

ASPECTS: tuple[tuple[str, str], ...] = (
    ("garden", "courtyard"),
    ("kitchen", "canteen"),
    ("layout", "design"),
    ("rooms", "chambers"),
    ("guides", "hosts"),
)
"""A side of a place: two names for each, both of the same number."""

PLURAL_ASPECTS = (3, 4)
"""The aspects whose names are plural, so that the verb must agree."""

COPULAS: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("was", "was", "seemed", "looked"),
    ("were", "were", "seemed", "looked"),
)
"""Linking verbs for a singular subject and for a plural one."""

KEEP_VERBS = ("kept", "found", "made")
DEGREES = ("very", "rather", "quite", "really")
COPULA_NEGATIONS = ("not", "hardly", "never", "far from")
VERB_NEGATIONS = ("never", "hardly", "rarely")

OPENERS = (
    "honestly ,",
    "in short ,",
    "to be frank ,",
    "as a rule ,",
    "this time ,",
    "by all accounts ,",
    "on monday ,",
    "on friday ,",
    "last spring ,",
    "this morning ,",
    "after lunch ,",
    "i think",
    "we heard that",
    "my uncle says",
    "the critic wrote that",
    "people say",
    "one visitor told us that",
    "everybody agreed that",
)
CLOSERS = (
    "on sunday",
    "on tuesday",
    "last winter",
    "in the evening",
    "before noon",
    "during our visit",
    "from the start",
    "in the end",
    "for weeks",
    "all day",
    "again",
    "at the time",
    "this year",
    "that night",
)

GAP = "_"
"""Stands for the missing word of a choice row."""

LEADS = ("so , all in all ,", "in short ,", "simply")
"""What comes before the gap."""

FRAME = ("the of its at and but although how what", ", . ?", GAP)
"""Words that only the sentence patterns use."""


def words_of(bright: bool) -> frozenset[str]:
    """Returns every opinion word of one side, over all axes."""
    side = 0 if bright else 1
    return frozenset(word for axis in AXES for word in axis[side])


def vocabulary() -> list[str]:
    """Returns every word form that any row or plain text can hold, sorted."""
    found = {*words_of(True), *words_of(False)}
    groups = (*PLACES, *ASPECTS, *COPULAS, KEEP_VERBS, DEGREES, COPULA_NEGATIONS)
    for group in (*groups, VERB_NEGATIONS, OPENERS, CLOSERS, LEADS, FRAME):
        found.update(word for phrase in group for word in phrase.split())
    return sorted(found)
