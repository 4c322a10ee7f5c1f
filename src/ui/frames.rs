//! How long frames take the processor: what the window is held to while work goes on.

use std::collections::VecDeque;
use std::time::Duration;

/// As many of the latest frames are kept.
const KEPT: usize = 4096;

/// Times of the latest frames.
#[derive(Debug, Default)]
pub struct Frames {
    /// Whole frames and the window's own part of them, in milliseconds, oldest first.
    times: VecDeque<[f32; 2]>,
    /// The own part of the frame that is under way.
    own: Duration,
}

/// What they were like, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// Number of frames.
    pub count: usize,
    /// Half took less.
    pub median: f32,
    /// 99 of 100 took no more (nearest rank).
    pub p99: f32,
    /// The longest.
    pub worst: f32,
    /// As [`Times::p99`], but of the window's own work alone: what happened taken in and everything laid out, without
    /// tessellation and the graphics driver.
    pub own_p99: f32,
}

impl Frames {
    /// Adds to the own part of the frame under way.
    pub fn worked(&mut self, took: Duration) {
        self.own += took;
    }

    /// Takes in the last frame: everything from input to the commands for the graphics, without waiting for the screen.
    pub fn add(&mut self, took: Duration) {
        let own = std::mem::take(&mut self.own);
        if self.times.len() == KEPT {
            self.times.pop_front();
        }
        self.times.push_back([took, own].map(|time| time.as_secs_f32() * 1e3));
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.times.clear();
    }

    /// What they were like; none where there are none.
    #[must_use]
    pub fn times(&self) -> Option<Times> {
        let sorted = |which: usize| {
            let mut sorted: Vec<f32> = self.times.iter().map(|times| times[which]).collect();
            sorted.sort_by(f32::total_cmp);
            sorted
        };
        let (whole, own) = (sorted(0), sorted(1));
        let worst = *whole.last()?;
        let rank = |of: &[f32], per_cent: usize| of[(of.len() * per_cent).div_ceil(100).max(1) - 1];
        let (median, p99) = (rank(&whole, 50), rank(&whole, 99));
        Some(Times { count: whole.len(), median, p99, worst, own_p99: rank(&own, 99) })
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "frames: median {:.1}, p99 {:.1}, worst {:.1} ms of {}; the window's own work: p99 {:.1} ms",
            self.median, self.p99, self.worst, self.count, self.own_p99
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_is_the_nearest_rank() {
        let mut frames = Frames::default();
        assert_eq!(frames.times(), None);
        for ms in 1..=200 {
            frames.worked(Duration::from_millis(1));
            frames.worked(Duration::from_millis(2));
            frames.add(Duration::from_millis(ms));
        }
        let times = frames.times().unwrap();
        assert_eq!(times, Times { count: 200, median: 100.0, p99: 198.0, worst: 200.0, own_p99: 3.0 });
        let words =
            "frames: median 100.0, p99 198.0, worst 200.0 ms of 200; the window's own work: p99 3.0 ms";
        assert_eq!(times.to_string(), words);
        (0..5000).for_each(|_| frames.add(Duration::from_millis(1)));
        assert_eq!(frames.times().unwrap().count, KEPT);
        frames.clear();
        assert_eq!(frames.times(), None);
    }
}
