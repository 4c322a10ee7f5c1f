//! The architectures that can be trained, with what training them costs.
//!
//! Names, sides and batches are those of `streetwise_train.presets` (a test compares them). The cost was measured by
//! `python -m streetwise_train cost` on two cores without a GPU, float32, everything training: processor time of a
//! picture over the cores, and resident memory without pictures and for each one of a batch.

/// An architecture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preset {
    /// Its name in recipes.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Its name in timm, with the tag of its weights.
    pub timm: &'static str,
    /// What kind of network it is.
    pub kind: &'static str,
    /// Side of its input, in pixels.
    pub size: u32,
    /// Pictures a step where the recipe says nothing.
    pub batch: u32,
    /// Parameters of the body, in millions.
    pub params_m: f32,
    /// Milliseconds a picture on [`CORES`] cores: a training step, a forward pass.
    times: [f64; 2],
    /// Megabytes: without pictures, and a picture of the batch.
    memory: [f64; 2],
}

/// Cores that the times were measured on.
pub const CORES: usize = 2;

const fn row(
    id: &'static str,
    name: &'static str,
    timm: &'static str,
    kind: &'static str,
    [size, batch]: [u32; 2],
    params_m: f32,
    [train, forward, base, each]: [f64; 4],
) -> Preset {
    Preset { id, name, timm, kind, size, batch, params_m, times: [train, forward], memory: [base, each] }
}

/// All of them, in the order of the study and then those for small machines.
#[rustfmt::skip]
pub const PRESETS: [Preset; 21] = [
    row("resnet18", "ResNet-18", "resnet18.a1_in1k", "residual CNN", [224, 64], 11.2, [157.4, 40.9, 1136.0, 32.4]),
    row("resnet50", "ResNet-50", "resnet50.a1_in1k", "residual CNN", [224, 64], 23.5, [175.8, 40.7, 1402.0, 89.1]),
    row("resnet101", "ResNet-101", "resnet101.a1h_in1k", "residual CNN", [224, 32], 42.5, [710.5, 176.5, 1539.0, 148.5]),
    row("resnet18d", "ResNet-18-D", "resnet18d.ra2_in1k", "residual CNN", [224, 64], 11.2, [204.5, 60.8, 1168.0, 35.0]),
    row("resnet50d", "ResNet-50-D", "resnet50d.ra2_in1k", "residual CNN", [224, 64], 23.5, [492.7, 127.7, 1405.0, 94.5]),
    row("resnet101d", "ResNet-101-D", "resnet101d.ra2_in1k", "residual CNN", [224, 32], 42.5, [1013.8, 258.8, 1573.0, 146.3]),
    row("convnext-tiny", "ConvNeXt-T", "convnext_tiny.in12k_ft_in1k", "modern CNN", [224, 32], 27.8, [201.6, 43.7, 1374.0, 117.0]),
    row("convnext-small", "ConvNeXt-S", "convnext_small.in12k_ft_in1k", "modern CNN", [224, 32], 49.5, [323.7, 75.8, 1589.0, 191.0]),
    row("vit-tiny", "ViT-Ti/16", "vit_tiny_patch16_224.augreg_in21k_ft_in1k", "transformer", [224, 64], 5.5, [38.3, 11.8, 995.0, 33.6]),
    row("vit-small", "ViT-S/16", "vit_small_patch16_224.augreg_in21k_ft_in1k", "transformer", [224, 64], 21.7, [117.6, 33.3, 1169.0, 72.2]),
    row("vit-base", "ViT-B/16", "vit_base_patch16_224.augreg2_in21k_ft_in1k", "transformer", [224, 32], 85.8, [412.4, 124.3, 1913.0, 147.6]),
    row("deit-tiny", "DeiT-Ti/16", "deit_tiny_patch16_224.fb_in1k", "transformer, distilled", [224, 64], 5.5, [47.7, 10.0, 995.0, 33.0]),
    row("deit-small", "DeiT-S/16", "deit_small_patch16_224.fb_in1k", "transformer, distilled", [224, 64], 21.7, [115.5, 32.4, 1177.0, 70.6]),
    row("deit-base", "DeiT-B/16", "deit_base_patch16_224.fb_in1k", "transformer, distilled", [224, 32], 85.8, [382.5, 115.6, 2001.0, 130.8]),
    row("swinv2-tiny", "SwinV2-T", "swinv2_tiny_window8_256.ms_in1k", "windowed transformer", [256, 32], 27.6, [232.8, 68.7, 1381.0, 213.7]),
    row("swinv2-small", "SwinV2-S", "swinv2_small_window8_256.ms_in1k", "windowed transformer", [256, 32], 49.0, [451.9, 133.4, 1625.0, 369.8]),
    row("dinov2-vit-s", "DINOv2 ViT-S/14", "vit_small_patch14_dinov2.lvd142m", "self-supervised transformer", [224, 64], 21.6, [213.3, 65.6, 1175.0, 105.8]),
    row("tiny-vit-5m", "TinyViT-5M", "tiny_vit_5m_224.dist_in22k", "small hybrid transformer", [224, 64], 5.1, [107.9, 26.8, 1021.0, 108.9]),
    row("tiny-vit-11m", "TinyViT-11M", "tiny_vit_11m_224.dist_in22k", "small hybrid transformer", [224, 64], 10.5, [148.5, 40.0, 1152.0, 122.6]),
    row("tiny-vit-21m", "TinyViT-21M", "tiny_vit_21m_224.dist_in22k", "small hybrid transformer", [224, 32], 20.6, [207.6, 52.8, 1237.0, 193.7]),
    row("efficientnet-lite0", "EfficientNet-Lite0", "tf_efficientnet_lite0.in1k", "small, fast CNN", [224, 64], 3.4, [158.2, 19.4, 989.0, 94.6]),
];

/// The preset of that name.
#[must_use]
pub fn get(id: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.id == id)
}

impl Preset {
    /// Milliseconds of a full training step a picture on so many cores.
    #[must_use]
    pub fn train_ms(&self, cores: usize) -> f64 {
        scaled(self.times[0], cores)
    }

    /// Milliseconds of a forward pass a picture on so many cores.
    #[must_use]
    pub fn forward_ms(&self, cores: usize) -> f64 {
        scaled(self.times[1], cores)
    }

    /// Bytes of memory while it trains with its own batch; of features alone where not everything trains.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn memory(&self, everything: bool) -> u64 {
        let [base, each] = self.memory;
        let pictures = if everything { each * f64::from(self.batch) } else { 0.0 };
        ((base + pictures) * 1e6) as u64
    }

    /// Its training step beside the most expensive one, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_possible_truncation)]
    pub fn weight(&self) -> f32 {
        let most = PRESETS.iter().map(|preset| preset.times[0]).fold(1.0, f64::max);
        (self.times[0] / most) as f32
    }
}

/// More cores are shared less well: each doubling is taken to bring 1.7 times the speed.
#[expect(clippy::cast_precision_loss)]
fn scaled(ms: f64, cores: usize) -> f64 {
    ms / 1.7_f64.powf((cores.max(1) as f64 / CORES as f64).log2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::recipe;

    #[test]
    fn the_catalogue_is_that_of_the_recipe_and_of_the_trainer() {
        assert_eq!(PRESETS.map(|preset| preset.id), recipe::PRESETS);
        let python = include_str!("../../export/streetwise_train/presets.py");
        for preset in PRESETS {
            let row =
                format!("(\"{}\", \"{}\", \"{}\", {}, ", preset.id, preset.name, preset.timm, preset.batch);
            assert!(python.contains(&row), "{row}");
            assert!(preset.times.iter().chain(&preset.memory).all(|figure| *figure > 0.0), "{}", preset.id);
        }
    }

    #[test]
    fn more_cores_take_less_time() {
        let preset = PRESETS[0];
        assert!((preset.train_ms(CORES) - preset.times[0]).abs() < 1e-9);
        assert!(preset.train_ms(8) < preset.train_ms(4) && preset.train_ms(1) > preset.train_ms(2));
    }
}
