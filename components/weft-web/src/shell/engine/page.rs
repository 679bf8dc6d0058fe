//! What the engine asks and tells about its one page. Everything the page may not do ends here.

use crate::bridge::{self, Inbox, Sent};
use crate::channel::Channel;
use crate::site::{Reach, Site};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use servo::{
    ConsoleLogLevel, Cursor, EmbedderControl, LoadStatus, NavigationRequest, PermissionRequest,
    ServoDelegate, ServoError, SimpleDialog, WebResourceLoad, WebResourceResponse, WebView, WebViewDelegate,
};
use std::cell::RefCell;

/// The longest line that a page gets into the log, in bytes.
const MAX_LOG_LINE: usize = 2048;

/// What happened to the page since the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageEvent {
    /// There is something new to draw.
    FrameReady,
    /// The document and all it needs are there.
    Complete,
    /// All that the document shows has been drawn: its pictures, its fonts, and what it waited for itself.
    Settled,
    Title(String),
    Cursor(Cursor),
    /// The system UI wants to be above the apps, or below them again.
    Overlay(bool),
    /// The page's part of the engine is gone.
    Crashed(String),
    /// The engine itself is gone.
    EngineLost,
}

/// Messages of the system UI that the shell itself understands.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
enum Local {
    ShellOverlay { on: bool },
}

/// The page, as the engine sees its owner.
pub struct Page {
    site: Site,
    is_system: bool,
    pub channel: RefCell<Channel>,
    pub inbox: RefCell<Inbox>,
    events: RefCell<Vec<PageEvent>>,
}

impl Page {
    pub fn new(site: Site, is_system: bool, channel: Channel) -> Self {
        Self {
            site,
            is_system,
            channel: RefCell::new(channel),
            inbox: RefCell::default(),
            events: RefCell::default(),
        }
    }

    /// What happened since the last call, oldest first.
    pub fn take_events(&self) -> Vec<PageEvent> {
        self.events.take()
    }

    pub(super) fn tell(&self, event: PageEvent) {
        let mut events = self.events.borrow_mut();
        if events.last() != Some(&event) {
            events.push(event);
        }
    }

    /// Takes a request to the bridge; `Ok` is the body of the answer.
    fn message(&self, load: &WebResourceLoad) -> Result<String, bridge::Error> {
        Ok(match bridge::decode(&load.request().url)? {
            Sent::Ready => {
                self.inbox.borrow_mut().page_ready();
                String::new()
            }
            Sent::Messages(messages) => {
                let results: Vec<_> = messages.iter().map(|message| self.send(message)).collect();
                bridge::answer(&results)
            }
        })
    }

    /// Passes a message on; `Some` is why it was refused.
    fn send(&self, message: &str) -> Option<String> {
        if self.is_system
            && let Ok(Local::ShellOverlay { on }) = serde_json::from_str(message)
        {
            self.tell(PageEvent::Overlay(on));
            return None;
        }
        self.channel.borrow_mut().send(message).err().map(|refused| refused.to_string())
    }

    fn decide(&self, load: WebResourceLoad) {
        let url = load.request().url.clone();
        match self.site.reach(&url) {
            // Answered by the engine's own handlers of these schemes.
            Reach::Own | Reach::Inline => drop(load),
            Reach::Message => {
                let (status, body) = match self.message(&load) {
                    Ok(body) => (StatusCode::OK, body),
                    Err(error) => {
                        (StatusCode::BAD_REQUEST, serde_json::Value::from(error.to_string()).to_string())
                    }
                };
                let mut headers = HeaderMap::new();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                let mut answer =
                    load.intercept(WebResourceResponse::new(url).headers(headers).status_code(status));
                answer.send_body_data(body.into_bytes());
                answer.finish();
            }
            Reach::Foreign => {
                tracing::warn!(
                    "the page asked for {}, which is not its own, refused",
                    one_line(url.as_str())
                );
                load.intercept(WebResourceResponse::new(url)).cancel();
            }
        }
    }
}

impl WebViewDelegate for Page {
    fn notify_new_frame_ready(&self, _: WebView) {
        self.tell(PageEvent::FrameReady);
    }

    fn notify_load_status_changed(&self, _: WebView, status: LoadStatus) {
        match status {
            LoadStatus::Started => self.inbox.borrow_mut().page_gone(),
            LoadStatus::HeadParsed => {}
            LoadStatus::Complete => self.tell(PageEvent::Complete),
        }
    }

    fn notify_page_title_changed(&self, _: WebView, title: Option<String>) {
        if let Some(title) = title.filter(|title| !title.is_empty()) {
            self.tell(PageEvent::Title(title));
        }
    }

    fn notify_cursor_changed(&self, _: WebView, cursor: Cursor) {
        self.tell(PageEvent::Cursor(cursor));
    }

    fn notify_crashed(&self, _: WebView, reason: String, backtrace: Option<String>) {
        if let Some(backtrace) = backtrace {
            tracing::error!("{backtrace}");
        }
        self.tell(PageEvent::Crashed(reason));
    }

    fn load_web_resource(&self, _: WebView, load: WebResourceLoad) {
        self.decide(load);
    }

    fn request_navigation(&self, _: WebView, request: NavigationRequest) {
        if self.site.may_navigate(&request.url) {
            request.allow();
        } else {
            tracing::warn!("the page wanted to go to {}, refused", one_line(request.url.as_str()));
            request.deny();
        }
    }

    fn request_permission(&self, _: WebView, request: PermissionRequest) {
        tracing::debug!("the page asked for {:?}, refused", request.feature());
        request.deny();
    }

    /// There is nobody who could be asked by a dialog of the engine: it is answered as if it was closed.
    fn show_embedder_control(&self, _: WebView, control: EmbedderControl) {
        match control {
            EmbedderControl::SimpleDialog(dialog) => {
                tracing::info!(target: "page", "dialog closed unseen: {}", one_line(dialog.message()));
                match dialog {
                    SimpleDialog::Alert(dialog) => dialog.confirm(),
                    SimpleDialog::Confirm(dialog) => dialog.dismiss(),
                    SimpleDialog::Prompt(dialog) => dialog.dismiss(),
                }
            }
            EmbedderControl::ContextMenu(menu) => menu.dismiss(),
            EmbedderControl::ColorPicker(_)
            | EmbedderControl::FilePicker(_)
            | EmbedderControl::InputMethod(_)
            | EmbedderControl::SelectElement(_) => {}
        }
    }

    fn show_console_message(&self, _: WebView, level: ConsoleLogLevel, message: String) {
        let message = one_line(&message);
        match level {
            ConsoleLogLevel::Error => tracing::error!(target: "page", "{message}"),
            ConsoleLogLevel::Warn => tracing::warn!(target: "page", "{message}"),
            ConsoleLogLevel::Debug | ConsoleLogLevel::Trace => tracing::debug!(target: "page", "{message}"),
            ConsoleLogLevel::Log | ConsoleLogLevel::Info | ConsoleLogLevel::Dir => {
                tracing::info!(target: "page", "{message}");
            }
        }
    }
}

impl ServoDelegate for Page {
    fn notify_error(&self, error: ServoError) {
        tracing::error!("the engine reports {error:?}");
        if matches!(error, ServoError::LostConnectionWithBackend) {
            self.tell(PageEvent::EngineLost);
        }
    }

    /// Loads that belong to no page, such as those of workers.
    fn load_web_resource(&self, load: WebResourceLoad) {
        self.decide(load);
    }
}

/// A text of the page as one line of the log, without control characters and not too long.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() > MAX_LOG_LINE {
        line.truncate(line.floor_char_boundary(MAX_LOG_LINE));
        line.push('…');
    }
    line
}
