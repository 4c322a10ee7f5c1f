//! What only JPEG needs: which kind of JPEG a file is, a second decoder for the unusual kinds, and whether a file is
//! whole.
//!
//! Three things about JPEG are hidden by decoders that show what they can: a file that was cut, one that is damaged
//! inside, and kinds that few programs write. A model ranks the grey or the stripes that come out. So the markers are
//! looked at first ([`Structure`]), and the entropy-coded data are walked beside the decoding ([`is_whole`]).

mod entropy;
mod huffman;
mod structure;
mod unusual;

pub(super) use entropy::is_whole;
pub(super) use structure::{Kind, Structure};
pub(super) use unusual::{Refusal, decode as decode_unusual};
