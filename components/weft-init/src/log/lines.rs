//! Cuts a stream of bytes into stamped lines.

use std::time::Duration;

/// A longer line is cut here, in bytes.
const LINE_LIMIT: usize = 4096;

/// Collects one service's output.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Appends every line that is complete to `out`, stamped with the time.
    pub fn push(&mut self, bytes: &[u8], now: Duration, out: &mut Vec<u8>) {
        for byte in bytes {
            if *byte == b'\n' {
                self.cut(now, out);
                continue;
            }
            self.partial.push(*byte);
            if self.partial.len() >= LINE_LIMIT {
                self.cut(now, out);
            }
        }
    }

    /// The stream is at its end: a last line without a line feed counts too.
    pub fn finish(&mut self, now: Duration, out: &mut Vec<u8>) {
        if !self.partial.is_empty() {
            self.cut(now, out);
        }
    }

    fn cut(&mut self, now: Duration, out: &mut Vec<u8>) {
        out.extend_from_slice(stamp(now).as_bytes());
        out.append(&mut self.partial);
        out.push(b'\n');
    }
}

/// `[ seconds] ` since boot, as wide as the kernel prints it.
pub fn stamp(now: Duration) -> String {
    format!("[{:>4}.{:03}] ", now.as_secs(), now.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Duration = Duration::from_millis(1903);

    #[test]
    fn stamps_every_line() {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        lines.push(b"one\ntw", NOW, &mut out);
        lines.push(b"o\n\nlast", NOW, &mut out);
        lines.finish(NOW, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "[   1.903] one\n[   1.903] two\n[   1.903] \n[   1.903] last\n");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        lines.push(&[b'x'; LINE_LIMIT + 1], NOW, &mut out);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(lines.partial.len(), 1);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20)) {
            let (mut lines, mut out) = (Lines::default(), Vec::new());
            for chunk in &chunks {
                lines.push(chunk, NOW, &mut out);
            }
            lines.finish(NOW, &mut out);
            let stamp = stamp(NOW).into_bytes();
            let all = chunks.concat();
            let kept: usize = out.len() - out.iter().filter(|b| **b == b'\n').count() * stamp.len();
            let newline_added = usize::from(all.last().is_some_and(|byte| *byte != b'\n'));
            prop_assert_eq!(kept, all.len() + newline_added);
        }
    }
}
