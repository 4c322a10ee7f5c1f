import pytest

from streetwise_train import chart
from streetwise_train.errors import TrainError

TABLE = """preset,per_label,seeds,macro_f1,macro_f1_sd,countries,places
resnet18,100,3,0.60,0.02,5,90
resnet18,all,3,0.70,0.01,5,90
vit-tiny,100,1,0.65,,5,90
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_points_are_those_of_the_table(table):
    points, first = chart.read(table)
    assert list(points) == ["resnet18", "vit-tiny"]
    assert points["resnet18"][1] == chart.Point("all", 0.70, 0.01)
    assert points["vit-tiny"] == [chart.Point("100", 0.65, None)]
    assert first["places"] == "90"


def test_the_same_table_gives_the_same_drawing_with_every_name(table, tmp_path):
    drawings = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for drawing in drawings:
        chart.draw(table, drawing)
    assert drawings[0].read_bytes() == drawings[1].read_bytes()
    text = drawings[0].read_text(encoding="utf-8")
    assert all(word in text for word in ("resnet18", "vit-tiny", "chance, 5 countries"))


def test_labels_do_not_lie_on_each_other():
    assert chart.apart([0.54, 0.51, 0.2], 0.05) == pytest.approx([0.56, 0.51, 0.2])


def test_a_table_of_something_else_is_refused_by_name(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(TrainError, match=r"other.csv has no rows with preset"):
        chart.read(path)
