//! Why a model has no figures.

use crate::base::progress::Cancelled;
use crate::imaging::PictureError;
use crate::model::ModelError;

/// Why a model has no figures on a data set.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The engine failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A picture could not be prepared.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// It was told to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The output is not finite.
    #[error("model {model}: its output is not a number for {file}; verify the model, or try another engine")]
    NotFinite {
        /// The model's identifier.
        model: String,
        /// The picture.
        file: String,
    },
    /// No picture is left to measure on.
    #[error(
        "model {model}: none of the {images} pictures in {data} can be counted (countries it does not know: {unknown}, \
         inferred labels: {inferred}, unreadable: {unreadable}{such_as}); name other data or another model"
    )]
    Nothing {
        /// The model's identifier.
        model: String,
        /// The data set's folder.
        data: String,
        /// Pictures in it.
        images: usize,
        /// Of countries that the model, or one it is compared with, does not know.
        unknown: usize,
        /// With inferred labels.
        inferred: usize,
        /// Unreadable.
        unreadable: usize,
        /// Why the first of those is; empty where there is none.
        such_as: String,
    },
}
