//! How long frames take the processor: what the window is held to while work goes on.

use std::collections::VecDeque;
use std::time::Duration;

/// As many of the latest frames are kept.
const KEPT: usize = 4096;

/// Times of the latest frames.
#[derive(Debug, Default)]
pub struct Frames {
    /// In milliseconds, oldest first.
    times: VecDeque<f32>,
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
}

impl Frames {
    /// Takes in the last frame: everything from input to the commands for the graphics, without waiting for the screen.
    pub fn add(&mut self, took: Duration) {
        if self.times.len() == KEPT {
            self.times.pop_front();
        }
        self.times.push_back(took.as_secs_f32() * 1e3);
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.times.clear();
    }

    /// What they were like; none where there are none.
    #[must_use]
    pub fn times(&self) -> Option<Times> {
        let mut sorted: Vec<f32> = self.times.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let rank = |per_cent: usize| sorted[(sorted.len() * per_cent).div_ceil(100).max(1) - 1];
        let worst = *sorted.last()?;
        Some(Times { count: sorted.len(), median: rank(50), p99: rank(99), worst })
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "frames: median {:.1}, p99 {:.1}, worst {:.1} ms of {}",
            self.median, self.p99, self.worst, self.count
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
        (1..=200).for_each(|ms| frames.add(Duration::from_millis(ms)));
        let times = frames.times().unwrap();
        assert_eq!(times, Times { count: 200, median: 100.0, p99: 198.0, worst: 200.0 });
        assert_eq!(times.to_string(), "frames: median 100.0, p99 198.0, worst 200.0 ms of 200");
        (0..5000).for_each(|_| frames.add(Duration::from_millis(1)));
        assert_eq!(frames.times().unwrap().count, KEPT);
        frames.clear();
        assert_eq!(frames.times(), None);
    }
}
