//! The engine: Servo with one page, drawing into memory.

mod clock;
mod context;
mod files;
mod gl;
mod gl_calls;
mod page;
mod preferences;
mod random;

pub use page::{Page, PageEvent};

use crate::bridge;
use crate::package::{self, Package};
use clock::FrameClock;
use context::SwglContext;
use dpi::PhysicalSize;
use euclid::{Box2D, Size2D};
use servo::protocol_handler::ProtocolRegistry;
use servo::{
    DevicePixel, EventLoopWaker, InputEvent, Servo, ServoBuilder, UserContentManager, UserScript, WebView,
    WebViewBuilder,
};
use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use url::Url;

use crate::site::Site;

/// Why the engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Package(#[from] package::Error),
    #[error("the page's address is not valid")]
    Address(#[from] url::ParseError),
    #[error("the page's policy is not a valid header")]
    Policy(#[from] http::header::InvalidHeaderValue),
    #[error("the engine refuses the scheme {0}")]
    Scheme(String),
}

/// What the engine is to show.
pub struct Show {
    pub site: Site,
    /// The folders behind the hosts of the site.
    pub folders: Vec<(String, PathBuf)>,
    pub page: String,
    /// Scripts that run before those of the page, in order.
    pub scripts: Vec<String>,
    /// The size until the compositor has said another.
    pub size: (u32, u32),
}

/// Servo and its one page.
pub struct Engine {
    pub page: Rc<Page>,
    webview: WebView,
    // Dropped after the page, which uses it, and before Servo.
    _scripts: Rc<UserContentManager>,
    context: Rc<SwglContext>,
    clock: Rc<FrameClock>,
    servo: Servo,
    /// The page has answered since it was last asked whether it lives.
    alive: Rc<Cell<bool>>,
    damaged: Arc<AtomicBool>,
}

impl Engine {
    /// Starts the engine and begins to load the page.
    pub fn start(show: Show, page: Rc<Page>, waker: Box<dyn EventLoopWaker>) -> Result<Self, Error> {
        random::install();
        let url: Url = show.site.page(&show.page)?;
        let folders: Result<Vec<_>, package::Error> =
            show.folders.into_iter().map(|(host, folder)| Ok((host, Package::open(&folder)?))).collect();
        let damaged = Arc::new(AtomicBool::new(false));
        let damage = files::Damage { found: damaged.clone(), waker: waker.clone_box() };
        let mut protocols = ProtocolRegistry::default();
        protocols
            .register(url.scheme(), files::Files::new(show.site, folders?, damage)?)
            .map_err(|_| Error::Scheme(url.scheme().to_owned()))?;

        let clock = Rc::new(FrameClock::default());
        let context = Rc::new(SwglContext::new(PhysicalSize::new(show.size.0, show.size.1), clock.clone()));
        let servo = ServoBuilder::default()
            .opts(preferences::options())
            .preferences(preferences::preferences())
            .protocol_registry(protocols)
            .event_loop_waker(waker)
            .build();
        servo.set_delegate(page.clone());
        let scripts = Rc::new(UserContentManager::new(&servo));
        for script in show.scripts {
            scripts.add_script(Rc::new(UserScript::from(script)));
        }
        let webview = WebViewBuilder::new(&servo, context.clone())
            .user_content_manager(scripts.clone())
            .delegate(page.clone())
            .url(url)
            .build();
        webview.show();
        let alive = Rc::new(Cell::new(true));
        Ok(Self { page, webview, _scripts: scripts, context, clock, servo, alive, damaged })
    }

    /// Lets the engine do what it has to do in this thread.
    pub fn spin(&self) {
        self.servo.spin_event_loop();
    }

    /// Draws the page as it is now.
    pub fn draw(&self) {
        self.webview.paint();
    }

    /// Gives what was drawn last: rows bottom-up, 4 bytes a pixel.
    pub fn with_picture<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        self.context.with_picture(look)
    }

    pub fn resize(&self, width: u32, height: u32) {
        self.webview.resize(PhysicalSize::new(width, height));
    }

    pub fn input(&self, event: InputEvent) {
        self.webview.notify_input_event(event);
    }

    pub fn set_focused(&self, focused: bool) {
        self.webview.set_focused(focused);
    }

    /// A frame may begin.
    pub fn tick(&self) {
        self.clock.tick();
    }

    /// Whether an animation waits for a frame.
    pub fn awaits_tick(&self) -> bool {
        self.clock.is_awaited()
    }

    /// Gives the page the messages that wait for it, if it can take them now.
    pub fn deliver(&self) {
        let Some(batch) = self.page.inbox.borrow_mut().next_batch() else {
            return;
        };
        let page = self.page.clone();
        self.webview.evaluate_javascript(bridge::deliver(&batch), move |result| {
            if let Err(error) = result {
                tracing::warn!("the page did not take {} messages: {error:?}", batch.len());
            }
            page.inbox.borrow_mut().taken();
        });
    }

    /// Tells the page's events when nothing that the page shows is missing any more: every picture and font is drawn, and the page has
    /// taken the class `reftest-wait`, by which pages tell an engine that they are not finished, from its root element.
    pub fn tell_when_settled(&self) {
        let page = self.page.clone();
        let pixel: Box2D<f32, DevicePixel> = Box2D::from_size(Size2D::new(1.0, 1.0));
        self.webview.take_screenshot(Some(pixel.into()), move |result| {
            if let Err(error) = result {
                tracing::warn!("the engine does not say whether the page is drawn: {error:?}, ignoring");
            }
            page.tell(PageEvent::Settled);
        });
    }

    /// Whether the page's script has answered since the last call; asks it again.
    pub fn is_alive(&self) -> bool {
        let answered = self.alive.replace(false);
        if answered {
            let alive = self.alive.clone();
            self.webview.evaluate_javascript("0", move |_| alive.set(true));
        }
        answered
    }

    /// Whether a file of the package could not be read back.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// Stops all threads of the engine. Leaving the process while they run crashes in their destructors.
    pub fn shut_down(self) {
        let Self { page, webview, _scripts, context, servo, .. } = self;
        drop(webview);
        drop(_scripts);
        drop(servo);
        drop((context, page));
    }
}
