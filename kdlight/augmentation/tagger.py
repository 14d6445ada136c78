"""Parts of speech from TextBlob, whose lexicon and rules come inside its package."""


class PatternTagger:
    """English Penn treebank tags by the lexicon and the context rules of the pattern library."""

    def __init__(self) -> None:
        from textblob.en import parser

        self._find = parser.find_tags

    def __call__(self, texts: list[list[str]]) -> list[list[str]]:
        """The tag of each word of each text."""
        return [[tag for _, tag in self._find(words)] for words in texts]
