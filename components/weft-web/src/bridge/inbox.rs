//! Messages on their way into the page.

use weft_ipc::session::QUEUE_LEN;

/// Keeps messages until the page listens, then hands them over in batches, one at a time.
///
/// The page answers for a batch before it gets the next one, so a page that is busy is not buried.
#[derive(Debug, Default)]
pub struct Inbox {
    waiting: Vec<String>,
    listening: bool,
    handed: bool,
}

impl Inbox {
    /// Adds a message behind the others.
    pub fn push(&mut self, message: String) {
        self.waiting.push(message);
    }

    /// Whether no more should be taken from the sender until the page has caught up.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= QUEUE_LEN
    }

    /// The page listens.
    pub fn page_ready(&mut self) {
        self.listening = true;
        self.handed = false;
    }

    /// The page is being replaced by another, which does not listen yet.
    pub fn page_gone(&mut self) {
        self.listening = false;
        self.handed = false;
    }

    /// The page has taken the last batch.
    pub fn taken(&mut self) {
        self.handed = false;
    }

    /// The next batch, if the page can take one now.
    pub fn next_batch(&mut self) -> Option<Vec<String>> {
        if !self.listening || self.handed || self.waiting.is_empty() {
            return None;
        }
        self.handed = true;
        Some(std::mem::take(&mut self.waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wait_for_the_page_and_keep_their_order() {
        let mut inbox = Inbox::default();
        inbox.push("1".into());
        inbox.push("2".into());
        assert_eq!(inbox.next_batch(), None);
        inbox.page_ready();
        assert_eq!(inbox.next_batch().unwrap(), ["1", "2"]);
        inbox.push("3".into());
        assert_eq!(inbox.next_batch(), None, "the page has not taken the first batch");
        inbox.taken();
        assert_eq!(inbox.next_batch().unwrap(), ["3"]);
        inbox.page_gone();
        inbox.push("4".into());
        inbox.taken();
        assert_eq!(inbox.next_batch(), None);
        inbox.page_ready();
        assert_eq!(inbox.next_batch().unwrap(), ["4"]);
    }

    #[test]
    fn a_page_that_does_not_take_stops_the_sender() {
        let mut inbox = Inbox::default();
        for _ in 0..QUEUE_LEN {
            assert!(!inbox.is_full());
            inbox.push(String::new());
        }
        assert!(inbox.is_full());
    }
}
