"""The literature that bounds and methods rest on, as BibTeX."""

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
        names = ", ".join(families) if len(families) < 4 else f"{families[0]} et al."
        return f"{names} {self.year}" + (f", arXiv:{self.arxiv}" if self.arxiv else "")


NEURIPS = "Advances in Neural Information Processing Systems (NeurIPS)"
ICLR = "International Conference on Learning Representations (ICLR)"
AISTATS = "International Conference on Artificial Intelligence and Statistics (AISTATS)"

_ALL = (
    Source(
        "attncap",
        "{attncap developers}",
        "attncap: how much can attention memorize?",
        "Python package",
        2026,
        kind="misc",
    ),
    Source(
        "dana2025",
        "Dana, Léo and Pydi, Muni Sreenivas and Chevaleyre, Yann",
        "Memorization in Attention-only Transformers",
        AISTATS,
        2025,
        arxiv="2411.10115",
    ),
    Source(
        "mahdavi2024",
        "Mahdavi, Sadegh and Liao, Renjie and Thrampoulidis, Christos",
        "Memorization Capacity of Multi-Head Attention in Transformers",
        ICLR,
        2024,
        arxiv="2306.02010",
    ),
    Source(
        "liao2025",
        "Liao, Zhenyu and Liu, Jiaqing and Hou, TianQi and Zou, Difan and Ling, Zenan",
        "A Random Matrix Analysis of In-context Memorization for Nonlinear Attention",
        "arXiv preprint",
        2025,
        arxiv="2506.18656",
        kind="article",
    ),
    Source(
        "kim2023",
        "Kim, Junghwan and Kim, Michelle and Mozafari, Barzan",
        "Provable Memorization Capacity of Transformers",
        ICLR,
        2023,
    ),
    Source(
        "kajitsuka2024",
        "Kajitsuka, Tokio and Sato, Issei",
        "Are Transformers with One Layer Self-Attention Using Low-Rank Weight Matrices Universal Approximators?",
        ICLR,
        2024,
        arxiv="2307.14023",
    ),
    Source(
        "kajitsuka2025",
        "Kajitsuka, Tokio and Sato, Issei",
        "On the Optimal Memorization Capacity of Transformers",
        ICLR,
        2025,
        arxiv="2409.17677",
    ),
    Source(
        "madden2025",
        "Madden, Liam and Fox, Curtis and Thrampoulidis, Christos",
        "Next-token Prediction Capacity: General Upper Bounds and a Lower Bound for Transformers",
        "IEEE Transactions on Information Theory",
        2025,
        arxiv="2405.13718",
        kind="article",
    ),
    Source(
        "yun2019",
        "Yun, Chulhee and Sra, Suvrit and Jadbabaie, Ali",
        "Small {ReLU} Networks Are Powerful Memorizers: a Tight Analysis of Memorization Capacity",
        NEURIPS,
        2019,
        arxiv="1810.07770",
    ),
    Source(
        "baum1988",
        "Baum, Eric B.",
        "On the Capabilities of Multilayer Perceptrons",
        "Journal of Complexity",
        1988,
        doi="10.1016/0885-064X(88)90020-9",
        kind="article",
    ),
    Source(
        "bubeck2020",
        "Bubeck, Sébastien and Eldan, Ronen and Lee, Yin Tat and Mikulincer, Dan",
        "Network Size and Size of the Weights in Memorization with Two-Layers Neural Networks",
        NEURIPS,
        2020,
    ),
    Source(
        "vardi2022",
        "Vardi, Gal and Yehudai, Gilad and Shamir, Ohad",
        "On the Optimal Memorization Power of {ReLU} Neural Networks",
        ICLR,
        2022,
        arxiv="2110.03187",
    ),
    Source(
        "nichani2025",
        "Nichani, Eshaan and Lee, Jason D. and Bietti, Alberto",
        "Understanding Factual Recall in Transformers via Associative Memories",
        ICLR,
        2025,
        arxiv="2412.06538",
    ),
    Source(
        "barnfield2026",
        "Barnfield, Nicholas and Kim, Juno and Nichani, Eshaan and Lee, Jason D. and Lu, Yue M.",
        "Sharp Capacity Thresholds in Linear Associative Memory: From Winner-Take-All to Listwise Retrieval",
        "arXiv preprint",
        2026,
        arxiv="2605.05189",
        kind="article",
    ),
    Source(
        "giorlandino2026",
        "Giorlandino, Alessio and Goldt, Sebastian and Maillard, Antoine",
        "Factual Recall in Linear Associative Memories: Sharp Asymptotics and Mechanistic Insights",
        "arXiv preprint",
        2026,
        arxiv="2605.10795",
        kind="article",
    ),
    Source(
        "cover1965",
        "Cover, Thomas M.",
        "Geometrical and Statistical Properties of Systems of Linear Inequalities "
        "with Applications in Pattern Recognition",
        "IEEE Transactions on Electronic Computers",
        1965,
        doi="10.1109/PGEC.1965.264137",
        kind="article",
    ),
    Source(
        "gardner1988",
        "Gardner, Elizabeth",
        "The Space of Interactions in Neural Network Models",
        "Journal of Physics A: Mathematical and General",
        1988,
        doi="10.1088/0305-4470/21/1/030",
        kind="article",
    ),
    Source(
        "krauth1989",
        "Krauth, Werner and Mézard, Marc",
        "Storage Capacity of Memory Networks with Binary Couplings",
        "Journal de Physique",
        1989,
        doi="10.1051/jphys:0198900500200305700",
        kind="article",
    ),
    Source(
        "amit1985",
        "Amit, Daniel J. and Gutfreund, Hanoch and Sompolinsky, Haim",
        "Storing Infinite Numbers of Patterns in a Spin-Glass Model of Neural Networks",
        "Physical Review Letters",
        1985,
        doi="10.1103/PhysRevLett.55.1530",
        kind="article",
    ),
    Source(
        "mceliece1987",
        "McEliece, Robert J. and Posner, Edward C. and Rodemich, Eugene R. and Venkatesh, Santosh S.",
        "The Capacity of the {Hopfield} Associative Memory",
        "IEEE Transactions on Information Theory",
        1987,
        doi="10.1109/TIT.1987.1057328",
        kind="article",
    ),
    Source(
        "huben2023",
        "Huben, Robert and Morris, Valerie",
        "Attention-Only Transformers and Implementing {MLPs} with Attention Heads",
        "arXiv preprint",
        2023,
        arxiv="2309.08593",
        kind="article",
    ),
    Source(
        "allenzhu2025",
        "Allen-Zhu, Zeyuan and Li, Yuanzhi",
        "Physics of Language Models: Part 3.3, Knowledge Capacity Scaling Laws",
        ICLR,
        2025,
        arxiv="2404.05405",
    ),
    Source(
        "morris2025",
        "Morris, John X. and Sitawarin, Chawin and Guo, Chuan and Kokhlikyan, Narine and Suh, G. Edward "
        "and Rush, Alexander M. and Chaudhuri, Kamalika and Mahloujifar, Saeed",
        "How Much Do Language Models Memorize?",
        "arXiv preprint",
        2025,
        arxiv="2505.24832",
        kind="article",
    ),
)

SOURCES = {source.key: source for source in _ALL}
