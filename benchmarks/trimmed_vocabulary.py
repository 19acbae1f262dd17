"""Whether a model with fewer tokens is the same model: tokens, round trips, the engine's answers.

    cli-tuner setup --model fast-trimmed
    python benchmarks/trimmed_vocabulary.py fast+none fast-trimmed+none --out out/trim

1. Texts (every row of the processed data, every string of the benchmarks, random ones) cut by both
   tokenizers: texts over the alphabet must get the same tokens; all must come back from them.
2. Some hundreds of them cut by the engine itself, from both files.
3. Requests answered greedily by both: the text, and the log-probabilities. The softmax has fewer
   terms, so each log-probability is larger by -log(1 - what the dropped tokens had); the
   differences between the candidates of one place must stay.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import socket
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cli_tuner.backends.embedded import EmbeddedBackend
from cli_tuner.models import resolve
from cli_tuner.prompt import STOP, to_prompt
from cli_tuner.records import ModelIdentity
from cli_tuner.settings import Paths
from cli_tuner.trim.alphabet import Alphabet
from cli_tuner.trim.container import read_metadata
from cli_tuner.trim.file import ALPHABET_KEY
from cli_tuner.vocabulary import tokenizer_of

HERE = Path(__file__).parent
DATA = HERE.parent / "data" / "processed"
RANDOM = 20_000
ENGINE_TEXTS = 400
REQUESTS = 60
NEW_TOKENS = 32
CANDIDATES = 5
_BATCH = 2000
OTHERS = (
    "列出所有大于100MB的文件",
    "найди все файлы .log",
    "找到 \U0001f600 emoji.txt 文件",
    "日本語のファイルを探す",
    "βρες τα αρχεία",
    "tìm tất cả các tệp",
    "zażółć gęślą jaźń",
    "\U0001f469\u200d\U0001f4bb ls -la",
    "مرحبا ls",
    "한국어 파일 삭제",
    "\u0000\u0001\ufffd",
    "e\u0301 decomposed",
)


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("full")
    parser.add_argument("trimmed")
    parser.add_argument("--out", type=Path, help="written as OUT.json")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--adapter", type=Path, help="a GGUF LoRA that both apply")
    given = parser.parse_args()
    full, trimmed = (resolve(ref, Paths.of()).path for ref in (given.full, given.trimmed))
    alphabet = Alphabet(read_metadata(trimmed)[ALPHABET_KEY])
    results: dict[str, Any] = {"full": full.name, "trimmed": trimmed.name, "alphabet": alphabet}
    results["tokenizer"] = compared_tokens(full, trimmed, alphabet)
    print(json.dumps(results["tokenizer"], indent=1), flush=True)
    results["engine"] = compared_answers(full, trimmed, given.adapter, given.requests)
    print(json.dumps({**results["engine"], "rows": None}, indent=1))
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.with_suffix(".json").write_text(f"{json.dumps(results, indent=1)}\n")


def texts() -> Iterator[tuple[str, str]]:
    """Every text and where it is from."""
    for path in sorted([*DATA.glob("*/*.jsonl"), *HERE.glob("**/*.jsonl")]):
        with path.open(encoding="utf-8") as file:
            for line in file:
                for text in strings(json.loads(line)):
                    yield path.name if path.is_relative_to(DATA) else "benchmarks", text
    numbers = random.Random(0)
    ascii_, western = (sorted(one.characters) for one in Alphabet)
    for name, characters in (("random ASCII", ascii_), ("random western", western)):
        for _ in range(RANDOM):
            yield name, "".join(numbers.choices(characters, k=numbers.randint(1, 120)))
    for text in OTHERS:
        yield "other scripts", text


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def batches(items: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    seen: set[int] = set()
    for item in items:
        if (mark := hash(item)) not in seen:
            seen.add(mark)
            batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def compared_tokens(full: Path, trimmed: Path, alphabet: Alphabet) -> dict[str, Any]:
    """Counts by the texts' origin; `unequal` counts texts over the alphabet with other tokens."""
    before, after = tokenizer_of(full), tokenizer_of(trimmed)
    inside = alphabet.characters
    found: dict[str, dict[str, int]] = {}
    for batch in batches(texts()):
        plain = [text for _, text in batch]
        cut = (before.encode_batch(plain), after.encode_batch(plain))
        for (origin, text), one, other in zip(batch, *cut, strict=True):
            row = found.setdefault(
                origin,
                dict.fromkeys(
                    ("texts", "over the alphabet", "unequal", "others cut finer", "lost"), 0
                ),
            )
            normal = unicodedata.normalize("NFC", text)
            is_inside = inside.issuperset(normal)
            row["texts"] += 1
            row["over the alphabet"] += is_inside
            row["unequal"] += is_inside and one.tokens != other.tokens
            row["others cut finer"] += not is_inside and one.tokens != other.tokens
            back = after.decode(other.ids, skip_special_tokens=False)
            row["lost"] += back != normal
    return {"tokens": [before.get_vocab_size(), after.get_vocab_size()], "by origin": found}


class Engine:
    """One file, loaded, that also says how it cuts a text."""

    def __init__(self, model: Path, adapter: Path | None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._key = secrets.token_urlsafe(16)
        keep, secrets.token_urlsafe = secrets.token_urlsafe, lambda _=None: self._key
        try:
            identity = ModelIdentity(name=model.name, backend="local", engine="benchmark")
            self.backend = EmbeddedBackend(
                model, identity, private=Path(self._folder.name), adapter=adapter
            )
        finally:
            secrets.token_urlsafe = keep
        (self._listener,) = Path(self._folder.name).glob("llama-*.sock")
        self.texts = read_metadata(model)["tokenizer.ggml.tokens"]

    def cut(self, text: str) -> list[str]:
        """The texts of the tokens, by the engine."""
        asked = {"content": text, "add_special": False, "parse_special": True}
        body = json.dumps(asked).encode()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._listener))
            connection.sendall(
                b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
                % (self._key.encode(), len(body), body)
            )
            reply = b"".join(iter(lambda: connection.recv(65_536), b""))
        return [self.texts[row] for row in json.loads(reply.partition(b"\r\n\r\n")[2])["tokens"]]

    def answer(self, query: str) -> tuple[str, list[list[float]]]:
        """The text, and for each place the log-probabilities of the best candidates."""
        pieces: list[str] = []
        places: list[list[float]] = []

        def keep(chunk: Any) -> bool:
            for choice in chunk["choices"]:
                pieces.append(choice.get("text") or "")
                for token in (choice.get("logprobs") or {}).get("content", ()):
                    places.append([one["logprob"] for one in token["top_logprobs"]])
            return False

        asked = {"prompt": to_prompt(query), "max_tokens": NEW_TOKENS, "temperature": 0.0}
        asked |= {"id_slot": 0, "logprobs": CANDIDATES, "stop": [STOP], "stream": True}
        asked |= {"cache_prompt": False}  # the whole prompt in one piece, each time the same
        self.backend._server.handle_completions(asked, keep)
        return "".join(pieces), places


def compared_answers(
    full: Path, trimmed: Path, adapter: Path | None, requests: int
) -> dict[str, Any]:
    """Both engines, on the texts and on requests of the development benchmark."""
    one, other = Engine(full, adapter), Engine(trimmed, adapter)
    numbers = random.Random(1)
    pool = [text for _, text in numbers.sample(list(texts()), ENGINE_TEXTS) if "\0" not in text]
    unequal = [text for text in pool if one.cut(text) != other.cut(text)]
    rows = []
    for query in queries(requests):
        (text, places), (text_now, places_now) = one.answer(query), other.answer(query)
        rows.append({"query": query, "full": text, "trimmed": text_now})
        if text == text_now:
            pairs = list(zip(places, places_now, strict=True))
            rows[-1]["rise"] = max(now[0] - was[0] for was, now in pairs)
            rows[-1]["fall"] = max(was[0] - now[0] for was, now in pairs)
            rows[-1]["between"] = max(
                abs((now[0] - now[1]) - (was[0] - was[1])) for was, now in pairs
            )
    one.backend.close()
    other.backend.close()
    same = [row for row in rows if row["full"] == row["trimmed"]]
    return {
        "texts cut": len(pool),
        "cut otherwise": len(unequal),
        "examples": unequal[:5],
        "requests": len(rows),
        "same text": len(same),
        "largest rise of a log-probability": max((row["rise"] for row in same), default=None),
        "largest fall": max((row["fall"] for row in same), default=None),
        "largest change between candidates": max((row["between"] for row in same), default=None),
        "rows": rows,
    }


def queries(count: int) -> list[str]:
    """So many requests of the execution benchmark's development half, in its order."""
    path = HERE / "nl2bash_exec" / "dev.jsonl"
    with path.open(encoding="utf-8") as file:
        found = [json.loads(line)["query"] for line in file]
    return list(dict.fromkeys(found))[:count]


if __name__ == "__main__":
    main()
