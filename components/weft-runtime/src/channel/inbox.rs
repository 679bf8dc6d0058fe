//! What has arrived and was not fetched yet, sorted by who it is for.

use super::Kind;
use std::collections::{HashMap, HashSet, VecDeque};
use weft_ipc::session::{Answer, Line, Notice, QUEUE_LEN, Session};

/// Messages of the page that are held while the component waits for something else.
const MOST: usize = 4 * QUEUE_LEN;

/// A message of another app.
#[derive(Debug)]
pub struct AppMessage {
    pub from: String,
    pub kind: String,
    pub payload: String,
}

#[derive(Debug, Default)]
pub struct Inbox {
    pub page: VecDeque<String>,
    pub apps: VecDeque<AppMessage>,
    pub changes: VecDeque<Session>,
    /// Questions that wait for their answers.
    pub asked: HashSet<u64>,
    pub answers: HashMap<u64, Answer>,
    /// Why appd did not deliver an earlier message; told to the next `send`.
    pub refusal: Option<String>,
}

impl Inbox {
    pub fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Page => !self.page.is_empty(),
            Kind::App => !self.apps.is_empty(),
            Kind::Change => !self.changes.is_empty(),
            Kind::Answer(id) => self.answers.contains_key(&id),
        }
    }

    pub fn has_room(&self) -> bool {
        self.page.len() < MOST
    }

    pub fn sort(&mut self, line: Line) {
        match line {
            Line::Message(message) => self.page.push_back(message),
            Line::Notice(Notice::Refused { reason }) => self.refusal = Some(reason),
            Line::Notice(Notice::Answer { id, answer }) if self.asked.remove(&id) => {
                self.answers.insert(id, answer);
            }
            Line::Notice(Notice::AppMessage { from, kind, payload }) if self.apps.len() < QUEUE_LEN => {
                self.apps.push_back(AppMessage { from, kind, payload });
            }
            Line::Notice(Notice::AppMessage { from, .. }) => {
                tracing::warn!("the app does not read its messages, ignoring one of {from}");
            }
            Line::Notice(Notice::SessionChanged { session }) => {
                if self.changes.len() >= QUEUE_LEN {
                    self.changes.pop_front();
                }
                self.changes.push_back(session);
            }
            // Late answers, and what only this end says.
            Line::Notice(_) => {}
        }
    }
}
