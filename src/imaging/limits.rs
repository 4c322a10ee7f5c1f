//! How much a picture may take, and how much all pictures that are read ahead may take together.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::PictureError;

/// What is refused before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes that decoding a picture may take at once: its pixels as the decoder hands them out, what the decoder
    /// holds beside them, and what turning it upright takes.
    pub max_memory: u64,
    /// Most bytes a file may have.
    pub max_bytes: u64,
}

impl Default for Limits {
    /// 640 MiB, and files of 200 MB. Within them are a panorama of 16384 × 8192 pixels, the usual largest size (384 MiB as
    /// a JPEG, 512 as a PNG with alpha), and a photo of 108 megapixels that must be turned (618 MiB).
    fn default() -> Self {
        Self { max_memory: 640 << 20, max_bytes: 200_000_000 }
    }
}

/// Bytes that a picture takes while it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    /// Width and height that the file claims, in pixels.
    pub(super) size: (u32, u32),
    /// Bytes of one pixel, all copies that live at once taken together.
    pub(super) per_pixel: u64,
    /// Bytes beside that.
    pub(super) beside: u64,
}

impl Memory {
    /// The sum.
    pub(super) fn bytes(&self) -> u64 {
        let pixels = u64::from(self.size.0) * u64::from(self.size.1);
        pixels.saturating_mul(self.per_pixel).saturating_add(self.beside)
    }

    /// Refuses a picture without pixels and one that takes too much.
    pub(super) fn check(&self, name: &str, limits: &Limits) -> Result<(), PictureError> {
        let (w, h) = self.size;
        let name = || name.to_owned();
        if w == 0 || h == 0 {
            return Err(PictureError::Empty { name: name() });
        }
        let (bytes, limit) = (self.bytes(), limits.max_memory);
        if bytes > limit { Err(PictureError::TooLarge { name: name(), w, h, bytes, limit }) } else { Ok(()) }
    }
}

/// A number of bytes that several readers share.
#[derive(Debug)]
pub(super) struct Budget {
    free: Mutex<u64>,
    total: u64,
    given_back: Condvar,
}

/// A part of a [`Budget`], given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    /// A budget of so many bytes.
    pub(super) fn new(total: u64) -> Arc<Self> {
        Arc::new(Self { free: Mutex::new(total), total, given_back: Condvar::new() })
    }

    /// Waits until so many bytes are free, and takes them. More than there are in all are cut to that: such a share is
    /// given when nobody else has any.
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> Share {
        let bytes = bytes.min(self.total);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let lacks = |free: &mut u64| *free < bytes;
        let mut free = self.given_back.wait_while(free, lacks).unwrap_or_else(PoisonError::into_inner);
        *free -= bytes;
        Share { budget: Arc::clone(self), bytes }
    }
}

impl Share {
    /// Takes another share of the same budget up into this one.
    pub(super) fn join(&mut self, mut other: Share) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Gives all but so many bytes back.
    pub(super) fn shrink(&mut self, bytes: u64) {
        let spare = self.bytes.saturating_sub(bytes);
        self.bytes -= spare;
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += spare;
        self.budget.given_back.notify_all();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panorama_and_a_turned_photo_are_within_the_limits_and_a_giant_is_not() {
        let check = |size, per_pixel, expected: bool| {
            let memory = Memory { size, per_pixel, beside: 0 };
            let found = memory.check("a", &Limits::default());
            assert_eq!(found.is_ok(), expected, "{memory:?}");
        };
        check((16384, 8192), 3, true);
        check((16384, 8192), 4, true);
        check((12000, 9000), 6, true);
        check((10_000, 10_000), 8, false);
        check((u32::MAX, u32::MAX), 8, false);
        assert!(matches!(
            Memory { size: (0, 5), per_pixel: 3, beside: 0 }.check("a", &Limits::default()),
            Err(PictureError::Empty { .. })
        ));
    }

    #[test]
    fn what_is_taken_comes_back_when_dropped_or_shrunk() {
        let budget = Budget::new(10);
        let free = || *budget.free.lock().unwrap();
        let mut first = budget.take(7);
        let second = budget.take(3);
        assert_eq!(free(), 0);
        first.shrink(2);
        assert_eq!(free(), 5);
        drop(second);
        assert_eq!(free(), 8);
        drop(first);
        // More than there is at all is not waited for in vain.
        let all = budget.take(99);
        assert_eq!(free(), 0);
        drop(all);
        assert_eq!(free(), 10);
    }

    #[test]
    fn who_finds_too_little_waits_for_the_others() {
        let budget = Budget::new(10);
        let first = budget.take(6);
        let other = Arc::clone(&budget);
        let waiting = std::thread::spawn(move || other.take(6).bytes);
        drop(first);
        assert_eq!(waiting.join().unwrap(), 6);
    }
}
