//! One picture, several models.

use serde::Serialize;

use crate::imaging::Picture;
use crate::model::{AnswerError, Classifier};
use crate::ranking::Ranking;

/// What one model says of the picture.
#[derive(Debug, Clone, Serialize)]
pub struct Look {
    /// The model's identifier.
    pub model: String,
    /// The engine that ran it.
    pub engine: String,
    /// The device that ran it.
    pub device: String,
    /// Its ranking.
    #[serde(flatten)]
    pub ranking: Ranking,
    /// Time from pixels to ranking, in milliseconds.
    pub ms: f64,
}

/// What all say.
#[derive(Debug, Clone, Serialize)]
pub struct Looks {
    /// One a model, in their order.
    pub looks: Vec<Look>,
    /// Whether the first guesses differ.
    pub disagree: bool,
}

/// Asks every model about one picture.
///
/// # Errors
/// The first model that cannot answer.
pub fn look(classifiers: &mut [Classifier], picture: &Picture) -> Result<Looks, AnswerError> {
    let one = |classifier: &mut Classifier| -> Result<Look, AnswerError> {
        let answer = classifier.look(picture)?;
        let ms = (answer.timings.total - answer.timings.decode).as_secs_f64() * 1e3;
        Ok(Look {
            model: classifier.manifest().id.clone(),
            engine: classifier.engine().to_owned(),
            device: classifier.device().to_owned(),
            ranking: answer.ranking,
            ms,
        })
    };
    let looks: Vec<Look> = classifiers.iter_mut().map(one).collect::<Result<_, _>>()?;
    let first = |look: &Look| look.ranking.guesses.first().map(|guess| guess.country.clone());
    let disagree = looks.windows(2).any(|two| first(&two[0]) != first(&two[1]));
    Ok(Looks { looks, disagree })
}
