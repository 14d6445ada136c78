"""Token embeddings of a student: random, or started from the teacher's table."""

from torch import Tensor, nn


class TokenEmbeddings(nn.Embedding):
    """A trainable table, [vocabulary dim]; the padding row stays zero.

    Args:
        vocabulary: number of tokens.
        pad: the padding token.
        dim: width; ignored when a table is given.
        table: starting values [vocabulary dim], such as the teacher's word embeddings.
        from_teacher: says to the planner that the student needs the teacher's table.
    """

    def __init__(
        self,
        vocabulary: int,
        pad: int,
        dim: int,
        table: Tensor | None = None,
        from_teacher: bool = False,
    ) -> None:
        if from_teacher and table is None:
            raise ValueError("embeddings from the teacher need the teacher's table")
        width = dim if table is None else table.shape[1]
        super().__init__(vocabulary, width, padding_idx=pad)
        if table is None:
            nn.init.uniform_(self.weight, -0.25, 0.25)
        else:
            self.weight.data.copy_(table)
        self.weight.data[pad] = 0
