import pytest
import torch
from fastai.vision.learner import create_timm_model
from safetensors.torch import save_file

from streetwise_train import presets
from streetwise_train.presets import PRESETS, PresetError, WeightsMissing

#: One of each family, small enough for seconds: ViT, Swin, ResNet-D, CNN.
SMALL = {"vit-tiny": 32, "swinv2-tiny": 64, "resnet18d": 32, "efficientnet-lite0": 32}


def make(name, classes=3, seed=0):
    torch.manual_seed(seed)
    return presets.build(name, classes, SMALL[name], from_scratch=True).eval()


def pictures(size, count=2):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_the_studys_sixteen_and_five_more_are_there():
    assert len(PRESETS) == 21
    assert all("." in p.timm_name and p.batch >= 16 and p.lr > 0 for p in PRESETS.values())
    assert {p.size for p in PRESETS.values()} == {224, 256}
    assert presets.listing()[0]["id"] == "resnet18"


@pytest.mark.parametrize("name", SMALL)
def test_a_network_cut_anywhere_computes_the_same(name):
    model, x = make(name), pictures(SMALL[name])
    with torch.inference_mode():
        whole = model(x)
        for last in (0, 1, model.blocks() // 2, model.blocks()):
            front, back = model.split(last)
            assert torch.equal(model.head_of(back(front(x))), whole)
            assert (len(back) == 0) == (last == 0)
    with pytest.raises(ValueError, match="blocks"):
        model.split(model.blocks() + 1)


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_learns_and_belongs_to_one_group(name):
    model = make(name).train()
    model(pictures(SMALL[name])).square().sum().backward()
    groups = model.param_groups()
    assert [p.grad is not None for group in groups for p in group] == [True] * sum(map(len, groups))
    assert len({id(p) for g in groups for p in g}) == len(list(model.parameters()))


@pytest.mark.parametrize("name", ["vit-tiny", "resnet18d", "efficientnet-lite0"])
def test_the_network_is_fastais_own(name):
    side, options = SMALL[name], {"img_size": 32} if name == "vit-tiny" else {}
    theirs, _ = create_timm_model(PRESETS[name].timm_name, 3, pretrained=False, **options)
    ours = make(name)
    ours.body.load_state_dict(theirs[0].model.state_dict())
    ours.head.load_state_dict(theirs[1].state_dict())
    with torch.inference_mode():
        assert torch.equal(ours(pictures(side)), theirs.eval()(pictures(side)))


def test_weights_come_from_a_file_in_half_precision(tmp_path):
    source, path = make("resnet18d", seed=1), tmp_path / "weights.safetensors"
    state = {
        k: v.half() if v.is_floating_point() else v for k, v in source.body.state_dict().items()
    }
    save_file(state | {"fc.weight": torch.zeros(1000, 512)}, path)
    loaded = presets.build("resnet18d", 3, 32, weights=path)
    assert torch.equal(loaded.body.conv1[0].weight, source.body.conv1[0].weight.half().float())


def test_positions_are_resampled_to_the_size_asked_for(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(dict(make("vit-tiny").body.state_dict()), path)
    assert presets.build("vit-tiny", 3, 64, weights=path).body.pos_embed.shape[1] == 17


def test_files_that_do_not_fit_are_refused_by_name(tmp_path):
    state, path = make("resnet18d").body.state_dict(), tmp_path / "cut.safetensors"
    save_file({k: v for k, v in state.items() if not k.startswith("layer4")}, path)
    with pytest.raises(PresetError, match=r"cut\.safetensors lacks \d+ tensors.*layer4"):
        presets.build("resnet18d", 3, weights=path)
    path.write_bytes(b"\x80\x04pickle, not safetensors")
    with pytest.raises(PresetError, match="cannot be read as safetensors"):
        presets.build("resnet18d", 3, weights=path)
    with pytest.raises(PresetError, match=r"missing\.safetensors"):
        presets.build("resnet18d", 3, weights=tmp_path / "missing.safetensors")


def test_unknown_presets_and_impossible_sizes_are_refused():
    with pytest.raises(PresetError, match=r"resnet19.*choose one of resnet18"):
        presets.build("resnet19", 3)
    with pytest.raises(PresetError, match="cannot take pictures of 100 pixels"):
        presets.build("dinov2-vit-s", 3, 100, from_scratch=True)


def test_a_hub_out_of_reach_names_both_ways_out(monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def unreachable(**_):
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    with pytest.raises(WeightsMissing, match=r"resnet18d\.ra2_in1k.*no connection") as caught:
        presets.build("resnet18d", 3)
    assert caught.value.kind == "weights-missing"
    assert "--weights FILE.safetensors" in caught.value.hint
    assert "--from-scratch" in caught.value.hint
