//! What is kept of a living session for the day it crashes: its last lines.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Lines that are kept of a session, and bytes of each.
pub const LINES: usize = 32;
pub const LINE: usize = 300;

/// Shared by all that read from the session's processes.
#[derive(Debug, Default)]
pub struct Record(Mutex<VecDeque<String>>);

impl Record {
    /// Keeps a line, and forgets the oldest when there are too many.
    pub fn keep(&self, line: &str) {
        let end = line.char_indices().map(|(at, _)| at).take_while(|at| *at <= LINE).last().unwrap_or(0);
        let short = if line.len() > LINE { line.get(..end).unwrap_or_default() } else { line };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_back(short.to_owned());
        while lines.len() > LINES {
            lines.pop_front();
        }
    }

    pub fn last_lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_long_ones_are_cut_between_characters() {
        let record = Record::default();
        for number in 0..100 {
            record.keep(&format!("{number} {}", "\u{fc}".repeat(LINE)));
        }
        let lines = record.last_lines();
        assert_eq!(lines.len(), LINES);
        assert!(lines[0].starts_with("68 ") && lines[31].starts_with("99 "));
        assert!(lines.iter().all(|line| (LINE - 1..=LINE).contains(&line.len())));
    }
}
