//! What held-out figures are called. `top1` is the share of pictures whose country is guessed first, `balanced_top1` the
//! mean over the countries of the same share within each; 3 and 5 likewise. So it is everywhere: in manifests, in
//! `evaluation.json`, in `--json`, tables, cards and panels.

use serde_json::{Map, Value};

/// How many first guesses are looked at.
const FIRST: [u8; 3] = [1, 3, 5];

/// Gives the figures of an older trainer the names of today. It called the mean over the countries `top1` and the share
/// of pictures `top1_plain`, by which it is known. What has today's names already is left as it is.
pub fn rename_old(figures: &mut Value) {
    let Value::Object(figures) = figures else { return };
    if figures.contains_key("top1_plain") {
        for k in FIRST {
            let (share, balanced) = (format!("top{k}"), format!("balanced_top{k}"));
            rename(figures, &share, &balanced);
            rename(figures, &format!("{share}_plain"), &share);
        }
        for views in ["one_view", "all_views"] {
            let views = figures.get_mut("views_of_a_place").and_then(|pool| pool.get_mut(views));
            if let Some(Value::Object(views)) = views {
                FIRST.iter().for_each(|k| rename(views, &format!("top{k}"), &format!("balanced_top{k}")));
            }
        }
    }
    figures.get_mut("source_held_out").into_iter().for_each(rename_old);
}

fn rename(figures: &mut Map<String, Value>, old: &str, new: &str) {
    if let Some(value) = figures.remove(old) {
        figures.insert(new.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_older_trainers_figures_get_the_names_of_today_once() {
        let old = json!({
            "top1": 0.4, "top3": 0.6, "top5": 0.7, "top1_plain": 0.5, "top3_plain": 0.7, "top5_plain": 0.8,
            "views_of_a_place": { "places": 2, "one_view": { "top1": 0.1 }, "all_views": { "top1": 0.2 } },
            "per_country": { "AU": { "top1": 0.3 } },
            "source_held_out": { "top1": 0.1, "top1_plain": 0.2 },
        });
        let today = json!({
            "top1": 0.5, "top3": 0.7, "top5": 0.8, "balanced_top1": 0.4, "balanced_top3": 0.6, "balanced_top5": 0.7,
            "views_of_a_place": {
                "places": 2, "one_view": { "balanced_top1": 0.1 }, "all_views": { "balanced_top1": 0.2 },
            },
            "per_country": { "AU": { "top1": 0.3 } },
            "source_held_out": { "top1": 0.2, "balanced_top1": 0.1 },
        });
        let mut found = old;
        for _ in 0..2 {
            rename_old(&mut found);
            assert_eq!(found, today);
        }
    }
}
