//! Streetwise: a street picture in, ranked countries out, on the user's own machine.
//!
//! The modules, in the order data flows:

