"""Whom to cite for a model: this program, its base, the method, and the data it learned from."""

from __future__ import annotations

from collections.abc import Iterator

from cli_tuner.publish.model import TrainedModel

_QWEN = """@article{hui2024qwen25coder,
  title = {Qwen2.5-Coder Technical Report},
  author = {Hui, Binyuan and Yang, Jian and Cui, Zeyu and others},
  journal = {arXiv:2409.12186},
  year = {2024}
}"""
_LORA = """@article{hu2021lora,
  title = {LoRA: Low-Rank Adaptation of Large Language Models},
  author = {Hu, Edward J. and Shen, Yelong and Wallis, Phillip and Allen-Zhu, Zeyuan and
            Li, Yuanzhi and Wang, Shean and Wang, Lu and Chen, Weizhu},
  journal = {arXiv:2106.09685},
  year = {2021}
}"""
_QLORA = """@article{dettmers2023qlora,
  title = {QLoRA: Efficient Finetuning of Quantized LLMs},
  author = {Dettmers, Tim and Pagnoni, Artidoro and Holtzman, Ari and Zettlemoyer, Luke},
  journal = {arXiv:2305.14314},
  year = {2023}
}"""
_NL2BASH = """@inproceedings{lin2018nl2bash,
  title = {NL2Bash: A Corpus and Semantic Parser for Natural Language Interface to the Linux
           Operating System},
  author = {Lin, Xi Victoria and Wang, Chenglong and Zettlemoyer, Luke and Ernst, Michael D.},
  booktitle = {LREC},
  year = {2018}
}"""


def citations(model: TrainedModel) -> str:
    """BibTeX entries for what this model was made of."""
    return "\n\n".join(_entries(model))


def _entries(model: TrainedModel) -> Iterator[str]:
    year = str(model.record["trained_at"])[:4]
    yield f"""@software{{cli_tuner,
  title = {{cli-tuner: English to one Bash command, judged before it runs ({model.name})}},
  author = {{{{The cli-tuner authors}}}},
  url = {{https://github.com/cli-tuner/cli-tuner}},
  year = {{{year}}}
}}"""
    if model.base.title.startswith("Qwen2.5-Coder"):
        yield _QWEN
    yield _LORA
    if model.record["engine"] == "axolotl":
        yield _QLORA
    if any(share.source.lower().startswith("nl2bash") for share in model.shares):
        yield _NL2BASH
