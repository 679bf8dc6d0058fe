//! What the page asks and what it is told.

use crate::note::{self, Note};
use crate::store::{Saved, Store};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const MAX_REMINDERS: usize = 32;
const MAX_MINUTES: u32 = 24 * 60;
const MAX_PROBLEMS: usize = 8;
const MAX_QUERY: usize = 256;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum Request {
    List,
    Search { text: String },
    Read { id: String },
    Create,
    Save { id: String, revision: u64, text: String },
    Delete { id: String, revision: u64 },
    Remind { id: String, minutes: u32 },
}

/// What is to be sent: messages to the page, notifications to the person.
#[derive(Debug, Default, PartialEq)]
pub struct Output {
    pub page: Vec<Value>,
    pub notices: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Session {
    store: Store,
    query: String,
    /// The note that the page shows.
    open: Option<String>,
    reminders: Vec<(Instant, String)>,
}

impl Session {
    pub fn new(folder: &Path) -> Self {
        Self { store: Store::new(folder), query: String::new(), open: None, reminders: Vec::new() }
    }

    /// Answers the page.
    pub fn handle(&mut self, message: &str, now: Instant) -> Output {
        let mut output = Output::default();
        let outcome = match serde_json::from_str(message) {
            Ok(request) => self.answer(request, now, &mut output),
            Err(error) => Err(format!("The page said what is not understood: {error}")),
        };
        if let Err(reason) = outcome {
            output.page.push(json!({ "error": reason }));
        }
        output
    }

    fn answer(&mut self, request: Request, now: Instant, output: &mut Output) -> Result<(), String> {
        match request {
            Request::List => {
                self.store.refresh();
            }
            Request::Search { text } => self.query = text.chars().take(MAX_QUERY).collect(),
            Request::Read { id } => {
                self.store.refresh();
                output.page.push(self.show(&id)?);
                return Ok(());
            }
            Request::Create => {
                let saved = self.store.create()?;
                self.query.clear();
                output.page.push(self.show(&saved.id)?);
            }
            Request::Save { id, revision, text } => self.save(&id, revision, &text, output)?,
            Request::Delete { id, revision } => {
                self.store.delete(&id, revision)?;
                println!("deleted {id}");
                if self.open.as_ref() == Some(&id) {
                    self.open = None;
                }
                output.page.push(json!({ "deleted": id }));
            }
            Request::Remind { id, minutes } => {
                let note = self.store.note(&id).ok_or("The note is not there any more")?;
                let title = note.title();
                self.remind(title, minutes, now, output)?;
                output.page.push(json!({ "reminding": minutes }));
                return Ok(());
            }
        }
        output.page.push(self.list());
        Ok(())
    }

    fn show(&mut self, id: &str) -> Result<Value, String> {
        let Note { revision, text, .. } = self.store.note(id).ok_or("The note is not there any more")?;
        println!("shown {id} revision {revision} of {} bytes", text.len());
        let message = json!({ "note": { "id": id, "revision": revision, "text": text } });
        self.open = Some(id.to_owned());
        Ok(message)
    }

    fn save(&mut self, id: &str, base: u64, text: &str, output: &mut Output) -> Result<(), String> {
        let saved = self.store.save(id, base, text).map_err(|reason| {
            println!("{reason}");
            reason
        })?;
        let Saved { id: to, revision, conflict } = &saved;
        println!("saved {to} revision {revision} of {} bytes", text.len());
        if *conflict {
            let title = self.store.note(to).map(Note::title).unwrap_or_default();
            let body = format!("“{title}” was changed in another window. What you wrote is kept in a copy.");
            output.notices.push(("Saved as a copy".to_owned(), body));
        }
        output
            .page
            .push(json!({ "saved": { "from": id, "id": to, "revision": revision, "conflict": conflict } }));
        self.open = Some(saved.id);
        Ok(())
    }

    fn remind(
        &mut self,
        title: String,
        minutes: u32,
        now: Instant,
        output: &mut Output,
    ) -> Result<(), String> {
        if minutes == 0 {
            output.notices.push((title, "Reminder".to_owned()));
            return Ok(());
        }
        if minutes > MAX_MINUTES || self.reminders.len() >= MAX_REMINDERS {
            return Err(format!("At most {MAX_REMINDERS} reminders, each within a day"));
        }
        self.reminders.push((now + Duration::from_secs(u64::from(minutes) * 60), title));
        Ok(())
    }

    /// Time passed: reminders that are due, and what other instances changed.
    pub fn tick(&mut self, now: Instant) -> Output {
        let mut output = Output::default();
        let (due, later) = std::mem::take(&mut self.reminders).into_iter().partition(|(at, _)| *at <= now);
        self.reminders = later;
        let due: Vec<(Instant, String)> = due;
        output.notices = due.into_iter().map(|(_, title)| (title, "Reminder".to_owned())).collect();
        if self.store.refresh() {
            output.page.push(self.list());
        }
        output
    }

    fn list(&self) -> Value {
        let all = self.store.notes();
        let total = all.len();
        let notes: Vec<Value> = all
            .into_iter()
            .filter(|(_, note)| note.matches(&self.query))
            .map(|(id, note)| {
                json!({ "id": id, "title": note.title(), "preview": note.preview(), "copy": note.copy })
            })
            .collect();
        let problems = self.store.problems();
        let shown: Vec<&String> = problems.iter().take(MAX_PROBLEMS).collect();
        let open = self
            .open
            .as_ref()
            .map(|id| json!({ "id": id, "revision": self.store.note(id).map(|note| note.revision) }));
        json!({ "notes": notes, "total": total, "query": self.query, "open": open, "problems": shown,
            "more": problems.len() - shown.len(), "longest": note::MAX_TEXT })
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
