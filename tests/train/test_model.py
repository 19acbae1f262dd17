from __future__ import annotations

import copy

import pytest

pytest.importorskip("torch", reason="make train-test has it")

import torch
from tokenizers import Tokenizer

from cli_tuner.chat import encode
from cli_tuner.train.answers import greedy_answers
from cli_tuner.train.config import ALL_LINEAR
from cli_tuner.train.export import write_peft
from cli_tuner.train.loss import answer_loss
from cli_tuner.train.packed import pack

PAIRS = [
    ("list files", "ls"),
    ("show the largest of all files in /var/log", "du -a /var/log | sort -n | tail -1"),
    ("count", "wc -l a"),
    ("x", "find . -name '*.py' -mtime -2"),
]


@pytest.fixture(scope="module")
def tokenizer(tiny_folder):
    return Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def encoded(tokenizer):
    return [encode(query, command, tokenizer) for query, command in PAIRS]


def prefix_of(encoded):
    first, *others = (example.input_ids for example in encoded)
    return next(n for n, token in enumerate(first) if any(ids[n] != token for ids in others))


def loss_and_gradient(model, examples, prefix, **options):
    model.adapter.gradient.zero_()
    packed = pack(examples, prefix, model.device)
    hidden = model(packed.ids, packed.positions, packed.attend, **options)
    loss = answer_loss(hidden[packed.predicting], model.head, packed.targets)
    loss.backward()
    return loss.item(), model.adapter.gradient.clone()


def test_packed_examples_with_a_shared_prefix_give_what_each_gives_alone(model, encoded):
    packed, packed_gradient = loss_and_gradient(model, encoded, prefix_of(encoded))
    alone = [loss_and_gradient(model, [example], 0) for example in encoded]
    assert packed == pytest.approx(sum(loss for loss, _ in alone), rel=1e-5)
    torch.testing.assert_close(
        packed_gradient, sum(gradient for _, gradient in alone), rtol=1e-3, atol=1e-5
    )


def test_no_example_sees_another(model, encoded, tokenizer):
    other = encode("something else entirely", "rm -i x", tokenizer)
    prefix = prefix_of(encoded)
    found = []
    for neighbour in (encoded[1], other):
        packed = pack([encoded[0], neighbour], prefix, model.device)
        hidden = model(packed.ids, packed.positions, packed.attend)
        found.append(hidden[: len(encoded[0].input_ids)])
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)


def test_recomputing_changes_nothing(model, encoded):
    prefix = prefix_of(encoded)
    kept = loss_and_gradient(model, encoded, prefix)
    again = loss_and_gradient(model, encoded, prefix, recompute=True)
    assert kept[0] == again[0]
    torch.testing.assert_close(kept[1], again[1])


@pytest.fixture(scope="module")
def reference(tiny_folder):
    transformers = pytest.importorskip("transformers")
    return transformers.AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("modules", [ALL_LINEAR, ("q_proj", "v_proj"), ("k_proj", "down_proj")])
def test_loss_and_gradients_are_those_of_transformers_and_peft(
    modules, make_model, reference, encoded, tmp_path
):
    peft = pytest.importorskip("peft")
    model = make_model(modules)
    write_peft(model.adapter, "tiny", tmp_path / "peft")
    theirs = peft.PeftModel.from_pretrained(
        copy.deepcopy(reference), tmp_path / "peft", is_trainable=True
    )
    total = 0.0
    for example in encoded:
        given = torch.tensor([example.input_ids])
        loss = theirs(input_ids=given, labels=torch.tensor([example.labels])).loss
        (loss * example.answer_tokens).backward()
        total += loss.item() * example.answer_tokens
    ours, _ = loss_and_gradient(model, encoded, prefix_of(encoded))
    assert ours == pytest.approx(total, rel=1e-4)
    parameters = dict(theirs.named_parameters())
    for layer, module, da, db in model.adapter.gradients():
        place = "self_attn" if module[0] in "qkvo" else "mlp"
        key = f"base_model.model.model.layers.{layer}.{place}.{module}"
        for side, ours_here in (("A", da), ("B", db)):
            theirs_here = parameters[f"{key}.lora_{side}.default.weight"].grad
            torch.testing.assert_close(ours_here, theirs_here, rtol=2e-3, atol=1e-4)


def test_greedy_answers_are_those_of_transformers(reference, make_model, encoded, tokenizer):
    model = make_model(b=0.0)
    stop = tokenizer.token_to_id("<|im_end|>")
    prompts = [example.input_ids[: example.prompt_tokens] for example in encoded]
    ours = greedy_answers(model, prompts, prefix_of(encoded), stop, 12)
    for prompt, answer in zip(prompts, ours, strict=True):
        given = torch.tensor([prompt])
        theirs = reference.generate(
            given, attention_mask=torch.ones_like(given), max_new_tokens=12, do_sample=False
        )
        assert answer == theirs[0, len(prompt) :].tolist()


def test_dropout_is_for_training_alone(make_model, encoded):
    model = make_model(dropout=0.5)
    prefix = prefix_of(encoded)
    still, _ = loss_and_gradient(model, encoded, prefix)
    assert still == loss_and_gradient(make_model(), encoded, prefix)[0]
    model.adapter.training = True
    torch.manual_seed(1)
    first = loss_and_gradient(model, encoded, prefix)
    torch.manual_seed(1)
    second = loss_and_gradient(model, encoded, prefix)
    assert first[0] == second[0] != still
    torch.testing.assert_close(first[1], second[1])


def test_the_gradient_with_dropout_is_the_slope_of_the_loss(make_model, encoded):
    model = make_model(dropout=0.3)
    model.adapter.training = True
    prefix, step = prefix_of(encoded), 1e-3

    def loss_at(values):
        torch.manual_seed(5)
        with torch.no_grad():
            model.adapter.values.copy_(values)
        return loss_and_gradient(model, encoded, prefix)

    here = model.adapter.values.clone()
    _, gradient = loss_at(here)
    direction = gradient / gradient.norm()
    up, down = loss_at(here + step * direction)[0], loss_at(here - step * direction)[0]
    assert (up - down) / (2 * step) == pytest.approx(gradient.norm().item(), rel=0.02)
