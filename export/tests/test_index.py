"""Lists and labels as people have them; the app's tests read the same golden files."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from streetwise_train import cli, country_names, datacheck, dataset, index, options
from streetwise_train.errors import TrainError
from streetwise_train.recipe import Job, Recipe

GOLDEN = Path(__file__).parents[2] / "tests/golden"
LISTS = json.loads((GOLDEN / "lists/expected.json").read_text("utf-8"))


def labels():
    lines = (GOLDEN / "labels.tsv").read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def test_labels_are_read_as_the_app_reads_them():
    for label, want in labels():
        code = country_names.read(label)
        found = code or f"- {country_names.nearest(label) or ''}".strip()
        assert found == want, label


def test_every_code_and_english_name_is_read_back():
    assert len(country_names.CODES) == 250
    for code, names in country_names.NAMES.items():
        for label in (code, code.lower(), *names, names[0].upper().replace(" ", "_")):
            assert country_names.read(label) == code, label


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_read_or_their_lines_named(name, tmp_path):
    want = LISTS[name]
    (tmp_path / "index.csv").write_bytes((GOLDEN / "lists" / name).read_bytes())
    if "refused" in want:
        with pytest.raises(TrainError, match="cannot be used") as error:
            dataset.load(tmp_path)
        assert want["refused"] in str(error.value)
        return
    found = dataset.load(tmp_path)
    rows = zip(found.name, found.country, found.place, strict=True)
    assert [list(row) for row in rows] == want["rows"]
    assert len(found.left_out) == len(want["left_out"])
    for said, (line, why) in zip(found.left_out, want["left_out"], strict=True):
        assert said.startswith(f"line {line}: {why}")


def draw(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.frombytes("RGB", (40, 30), os.urandom(3600)).save(path)


def test_folders_go_by_any_name_and_those_of_no_country_are_told(tmp_path):
    files = ["Australia/a.png", "au/spot/b.png", "BRA/c.png", "Brasil/d.png", "日本/e.png"]
    others = ["Elbonia/f.png", "AU/.ipynb_checkpoints/a.png", ".ipynb_checkpoints/x.png"]
    for name in [*files, *others, "__MACOSX/AU/a.png"]:
        draw(tmp_path / name)
    (tmp_path / "notes").mkdir()
    found = dataset.load(tmp_path)
    assert found.countries == ["AU", "BR", "JP"]
    assert sorted(found.name) == sorted(files)
    assert sorted(set(found.place)) == ["AU/a.png", "AU/spot", "BR/c.png", "BR/d.png", "JP/e.png"]
    assert found.left_out == ("folder Elbonia: `Elbonia` is no country",)


def job(root, *allow):
    return Job(data=str(root), cache=str(root.parent / "cache"), allow=allow)


def test_bad_rows_and_missing_pictures_are_listed_before_the_first_epoch(tmp_path):
    root = tmp_path / "data"
    rows = ["file,country"]
    for country in ("Japan", "UK"):
        for i in range(14):
            draw(root / f"{country}{i}.png")
            rows.append(f"{country}{i}.png,{country}")
    rows += ["x.png,Grmany", "gone/y.png,JP", "gone/z.png,GB"]
    (root / "index.csv").write_text("\n".join(rows))
    with pytest.raises(TrainError) as error:
        datacheck.admit(job(root), Recipe(preset="resnet18"))
    said = str(error.value)
    assert "bad-label: rows and folders that name no picture of a country (1): line 30: " in said
    assert "`Grmany` is no country, did you mean DE?" in said
    assert f"the first was looked for at {root / 'gone/y.png'} (2): gone/y.png, gone/z.png" in said
    found = datacheck.admit(job(root, "bad-label", "missing"), Recipe(preset="resnet18"))
    assert (len(found.samples), found.samples.countries) == (28, ["GB", "JP"])
    assert {problem.kind for problem in found.allowed} == {"bad-label", "missing"}


def test_countries_on_the_command_line_are_read_by_the_same_table(capsys):
    assert options.countries("AU, jp,United Kingdom,") == ("AU", "JP", "GB")
    parser = cli.parser()
    given = ["train", "--run", "x", "--preset", "resnet18", "--countries", "au, Grmany"]
    with pytest.raises(SystemExit):
        parser.parse_args(given)
    assert "`Grmany` is no country, did you mean DE?; name codes" in capsys.readouterr().err


def test_a_list_in_one_long_cell_is_not_an_error_of_the_reader():
    rows, left_out = index.read(b'file,country\n"a.png,AU\n' + b"b.png,JP\n" * 30_000)
    assert not rows
    assert [line.split(":")[0] for line in left_out] == ["line 2"]
