//! One turn of the loop: events of the window into the engine, frames out, messages both ways.

use super::engine::{Engine, PageEvent};
use super::input::{self, Input};
use super::wayland::{Display, Keypress, Submitted, WindowEvent};
use crate::channel::Channel;
use crate::exit::Exit;
use crate::readiness::Readiness;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{LoopHandle, RegistrationToken};
use servo::Code;
use std::io::Write;
use std::time::{Duration, Instant};
use wayland_client::{DispatchError, EventQueue};
use weft_ipc::appd::Request;

/// How long the window waits for the loaded page before it shows what there is.
const FIRST_FRAME_LIMIT: Duration = Duration::from_secs(4);
/// How long a page may go on with drawing itself after its load, before it counts as whole: one may be animated for ever.
const WHOLE_LIMIT: Duration = Duration::from_secs(5);
/// The pace of animations while the compositor asks for no frames.
const TICK: Duration = Duration::from_millis(16);
/// How often appd hears of a page that answers.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A running shell.
pub struct Shell {
    pub(super) engine: Engine,
    display: Option<Display>,
    pub(super) handle: LoopHandle<'static, Shell>,
    pub(super) is_system: bool,
    ready_token: Option<String>,
    started: Instant,
    readiness: Readiness,
    input: Input,
    /// The page has something to show that the compositor does not have yet.
    dirty: bool,
    ticking: bool,
    overlay: bool,
    repeating: Option<(Code, RegistrationToken)>,
    pub(super) channel_source: Option<RegistrationToken>,
    exit: Option<Exit>,
}

impl Shell {
    pub fn new(
        engine: Engine,
        handle: LoopHandle<'static, Shell>,
        is_system: bool,
        ready_token: Option<String>,
    ) -> Self {
        Self {
            engine,
            display: None,
            handle,
            is_system,
            ready_token,
            started: Instant::now(),
            readiness: Readiness::default(),
            input: Input::default(),
            dirty: false,
            ticking: false,
            overlay: false,
            repeating: None,
            channel_source: None,
            exit: None,
        }
    }

    /// Starts what goes on by itself: connections and timers.
    pub fn begin(&mut self) {
        self.after(FIRST_FRAME_LIMIT, |shell| shell.dirty = true);
        if self.is_system {
            self.connect_appd();
            if let Some(interval) = weft_service::watchdog_interval() {
                self.watch_page(interval);
            }
        } else if let Some(token) = self.ready_token.clone() {
            self.tell_alive(token);
        }
        self.watch_channel();
    }

    pub fn set_display(&mut self, mut display: Display) {
        display.set_overlay(self.overlay);
        self.display = Some(display);
    }

    /// Handles what the compositor sent.
    pub fn dispatch(&mut self, events: &mut EventQueue<Display>) -> Result<usize, DispatchError> {
        self.display.as_mut().map_or(Ok(0), |display| events.dispatch_pending(display))
    }

    pub fn end(&mut self, exit: Exit) {
        self.exit.get_or_insert(exit);
    }

    pub fn ended(&self) -> Option<Exit> {
        self.exit
    }

    /// Ends the engine's threads, then lets the rest go.
    pub fn shut_down(self) {
        self.engine.shut_down();
    }

    /// Does all that can be done now.
    pub fn turn(&mut self) {
        let events = self.display.as_mut().map(Display::take_events).unwrap_or_default();
        for event in events {
            self.window_event(event);
        }
        self.engine.spin();
        for event in self.engine.page.take_events() {
            self.page_event(event);
        }
        if self.engine.is_damaged() {
            tracing::error!("a file of the package cannot be read back as it was signed, ending");
            return self.end(Exit::PackageDamaged);
        }
        self.pass_messages();
        self.draw();
        self.keep_ticking();
    }

    fn window_event(&mut self, event: WindowEvent) {
        if let Some(input) = self.input.translate(&event) {
            self.engine.input(input);
        }
        match event {
            WindowEvent::Resized(width, height) => self.engine.resize(width, height),
            WindowEvent::CloseRequested => self.end(Exit::Done),
            WindowEvent::FrameDone => self.engine.tick(),
            WindowEvent::Presented(frame) => {
                self.readiness.presented(frame);
                self.tell_when_ready();
            }
            WindowEvent::Focused(focused) => {
                self.engine.set_focused(focused);
                self.stop_repeating();
            }
            WindowEvent::Key(press) => self.repeat(press),
            WindowEvent::Gesture { kind, fingers, dx, dy } => {
                let request = Request::PanelGesture { gesture_type: kind, fingers, dx, dy };
                if let Channel::Appd(appd) = &mut *self.engine.page.channel.borrow_mut()
                    && let Err(refused) = appd.send(&request)
                {
                    tracing::warn!("a gesture did not reach appd: {refused}, ignoring");
                }
            }
            _ => {}
        }
    }

    fn page_event(&mut self, event: PageEvent) {
        match event {
            PageEvent::FrameReady => self.dirty = true,
            PageEvent::Complete => {
                tracing::info!(
                    "the page has loaded {} ms after the start",
                    self.started.elapsed().as_millis()
                );
                self.readiness.loaded();
                self.engine.tell_when_settled();
                self.after(WHOLE_LIMIT, Self::page_is_whole);
            }
            PageEvent::Settled => self.page_is_whole(),
            PageEvent::Title(title) => {
                if let Some(display) = &mut self.display {
                    display.set_title(title);
                }
            }
            PageEvent::Cursor(cursor) => {
                if let Some(display) = &mut self.display {
                    display.set_cursor(cursor);
                }
            }
            PageEvent::Overlay(on) => {
                self.overlay = on;
                if let Some(display) = &mut self.display {
                    display.set_overlay(on);
                }
            }
            PageEvent::Crashed(reason) => {
                tracing::error!("the page crashed: {reason}");
                self.end(Exit::PageCrashed);
            }
            PageEvent::EngineLost => {
                tracing::error!("the engine is gone");
                self.end(Exit::PageCrashed);
            }
        }
    }

    fn page_is_whole(&mut self) {
        self.readiness.whole();
        self.dirty |= self.readiness.awaits_drawing();
    }

    fn draw(&mut self) {
        let may_show = self.readiness.is_loaded() || self.started.elapsed() >= FIRST_FRAME_LIMIT;
        let Some(display) =
            self.display.as_mut().filter(|display| self.dirty && may_show && display.wants_frame())
        else {
            return;
        };
        self.engine.draw();
        match self.engine.with_picture(|picture| display.submit(picture)) {
            Submitted::Frame(frame) | Submitted::Same(frame) => {
                self.dirty = false;
                self.readiness.drawn(frame);
                self.tell_when_ready();
            }
            Submitted::NoBuffer => {}
        }
    }

    fn tell_when_ready(&mut self) {
        if !self.readiness.is_reached() {
            return;
        }
        tracing::info!("the page is on the screen {} ms after the start", self.started.elapsed().as_millis());
        if self.is_system {
            if let Err(error) = weft_service::notify("READY=1") {
                tracing::warn!("{error}, ignoring");
            }
        } else if let Some(token) = self.ready_token.take() {
            let mut out = std::io::stdout().lock();
            if writeln!(out, "READY {token}").and_then(|()| out.flush()).is_err() {
                tracing::warn!("nobody reads that the page is ready, ignoring");
            }
        }
    }

    /// Lets animations go on where no frame of the compositor's will do it.
    fn keep_ticking(&mut self) {
        let frame_comes = self.display.as_ref().is_some_and(Display::awaits_frame);
        if self.engine.awaits_tick() && !frame_comes && !self.ticking {
            self.ticking = true;
            self.after(TICK, |shell| {
                shell.ticking = false;
                shell.engine.tick();
            });
        }
    }

    /// Tells the watchdog that this process is alive as long as its page is.
    fn watch_page(&mut self, interval: Duration) {
        if self.engine.is_alive() {
            if let Err(error) = weft_service::notify("WATCHDOG=1") {
                tracing::warn!("{error}, ignoring");
            }
        } else {
            tracing::warn!("the page does not answer");
        }
        self.after(interval, move |shell| shell.watch_page(interval));
    }

    /// Tells appd that the page answers. A page that is loaded still takes its time, which `READY` is about.
    fn tell_alive(&mut self, token: String) {
        if self.engine.is_alive() {
            let mut out = std::io::stdout().lock();
            if writeln!(out, "ALIVE {token}").and_then(|()| out.flush()).is_err() {
                tracing::warn!("nobody reads that the page answers, ignoring");
                return;
            }
        }
        self.after(HEARTBEAT, move |shell| shell.tell_alive(token));
    }

    fn repeat(&mut self, press: Keypress) {
        let is_same = self.repeating.as_ref().is_some_and(|(code, _)| *code == press.code);
        if press.pressed || is_same {
            self.stop_repeating();
        }
        let Some(repeat) = press.repeat else { return };
        let code = press.code;
        let inserted = self.handle.insert_source(Timer::from_duration(repeat.delay), move |_, (), shell| {
            shell.engine.input(input::key(&press, true));
            TimeoutAction::ToDuration(repeat.interval)
        });
        self.repeating = inserted.ok().map(|token| (code, token));
    }

    fn stop_repeating(&mut self) {
        if let Some((_, timer)) = self.repeating.take() {
            self.handle.remove(timer);
        }
    }

    pub(super) fn after(&mut self, delay: Duration, then: impl FnOnce(&mut Self) + 'static) {
        let mut then = Some(then);
        let inserted = self.handle.insert_source(Timer::from_duration(delay), move |_, (), shell| {
            if let Some(then) = then.take() {
                then(shell);
            }
            TimeoutAction::Drop
        });
        if let Err(error) = inserted {
            tracing::error!("cannot set a timer: {}", error.error);
            self.end(Exit::Failed);
        }
    }
}
