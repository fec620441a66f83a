"""One publication, as data and as BibTeX."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One publication; `bibtex` prints its entry."""

    key: str
    authors: str
    title: str
    venue: str
    year: int
    arxiv: str = ""
    doi: str = ""
    kind: str = "inproceedings"

    def bibtex(self) -> str:
        """Return the BibTeX entry.

        Example:
            >>> from attncap.bounds.sources import SOURCES
            >>> print(SOURCES["dana2025"].bibtex())
            @inproceedings{dana2025,
              author = {Dana, Léo and Pydi, Muni Sreenivas and Chevaleyre, Yann},
              title = {Memorization in Attention-only Transformers},
              booktitle = {International Conference on Artificial Intelligence and Statistics (AISTATS)},
              year = {2025},
              eprint = {2411.10115},
              archivePrefix = {arXiv},
            }
        """
        place = {"inproceedings": "booktitle", "article": "journal", "misc": "howpublished"}[self.kind]
        fields = {"author": self.authors, "title": self.title, place: self.venue, "year": str(self.year)}
        if self.arxiv:
            fields |= {"eprint": self.arxiv, "archivePrefix": "arXiv"}
        if self.doi:
            fields["doi"] = self.doi
        body = "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items() if text)
        return f"@{self.kind}{{{self.key},\n{body}}}"

    def __str__(self) -> str:
        families = [author.split(",")[0].strip("{}") for author in self.authors.split(" and ")]
        whole = len(families) < 4 and "others" not in families
        names = ", ".join(families) if whole else f"{families[0]} et al."
        return f"{names} {self.year}" + (f", arXiv:{self.arxiv}" if self.arxiv else "")


NEURIPS = "Advances in Neural Information Processing Systems (NeurIPS)"
ICLR = "International Conference on Learning Representations (ICLR)"
AISTATS = "International Conference on Artificial Intelligence and Statistics (AISTATS)"
