"""Charts: what is drawn, and that nothing of it is markup."""

from xml.etree import ElementTree

import pytest

from cli_tuner.charts import Series, columns, lines

LABELS = ["mon", "tue", "wed"]


def drawn(text):
    return ElementTree.fromstring(text)


@pytest.mark.parametrize("draw", [columns, lines])
@pytest.mark.parametrize("values", [[], [0], [1, 2, 3], [0.001, 0.2, None], [None] * 3, [1e7] * 3])
def test_any_numbers_make_a_drawing_within_its_frame(draw, values):
    figure = drawn(draw("title", LABELS[: len(values)], [Series("a", values)]))
    box = figure.find("svg")
    for one in box.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(one.get(name, 0)) <= 640
        for name in ("y", "y1", "y2", "cy"):
            assert 0 <= float(one.get(name, 0)) <= 200


@pytest.mark.parametrize("draw", [columns, lines])
def test_texts_are_escaped(draw):
    bad = '<b a="1">&\''
    text = draw(bad, [bad], [Series(bad, [1]), Series(bad, [2])], bad)
    assert "<b" not in text
    assert drawn(text).find("figcaption").text == bad


def test_columns_stand_on_each_other():
    first, second = drawn(columns("t", ["a"], [Series("x", [1]), Series("y", [3])])).iter("rect")
    assert float(second.get("y")) + float(second.get("height")) == float(first.get("y"))
    assert float(second.get("height")) == pytest.approx(3 * float(first.get("height")), rel=0.01)


def test_a_missing_number_is_a_gap():
    figure = drawn(lines("t", ["a"] * 4, [Series("x", [1, 2, None, 3])]))
    assert figure.find(".//path").get("d").count("M") == 2


def test_whoever_cannot_see_hears_the_range():
    label = drawn(lines("Latency", LABELS, [Series("p50", [3, 9, 5])], "ms")).find("svg")
    assert label.get("aria-label") == "Latency. p50: 3 to 9 ms"
