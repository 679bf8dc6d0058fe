//! From a change to a frame on the screen, and to the clients that are told about it.

use crate::backend::Submitted;
use crate::pacer::Completion;
use crate::state::Weft;
use smithay::backend::renderer::element::RenderElementStates;
use smithay::desktop::PopupManager;
use smithay::desktop::utils::{
    OutputPresentationFeedback, send_frames_surface_tree, take_presentation_feedback_surface_tree,
    with_surfaces_surface_tree,
};
use smithay::reexports::calloop::RegistrationToken;
use smithay::reexports::calloop::timer::{TimeoutAction, Timer};
use smithay::reexports::wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::Kind;
use smithay::reexports::wayland_server::Resource;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Monotonic, Time};
use smithay::wayland::compositor::{SurfaceAttributes, SurfaceData};
use smithay::wayland::presentation::Refresh;
use std::collections::HashSet;
use std::time::Duration;
use weft_ipc::compositor::FromCompositor;

/// How long a client waits for a frame callback of a surface that nobody can see.
const HIDDEN_INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait for a display that refused a frame.
const RETRY: Duration = Duration::from_millis(500);

/// The frame under way.
#[derive(Debug, Default)]
pub struct Frame {
    /// Whom to tell when it is on the screen.
    feedback: Option<OutputPresentationFeedback>,
    /// Root surfaces with content that the frame shows for the first time.
    fresh: Vec<WlSurface>,
    /// Every surface of which something could be seen in the last frame.
    seen: HashSet<WlSurface>,
    hidden_timer: Option<RegistrationToken>,
    sequence: u64,
    /// A frame was presented at all.
    presented: bool,
    /// The display refused the last frame.
    refused: bool,
}

impl Weft {
    /// Something changed: a frame is drawn at the end of this turn of the event loop, or as soon after it as may be.
    pub fn want_frame(&mut self) {
        self.pacer.want();
    }

    /// Draws a frame, if there is a wish for one and it is time.
    pub fn draw(&mut self) {
        if !self.backend.is_active() {
            // Nobody sees anything: clients draw once in a while, so that there is something to show when a display comes.
            self.frame.seen.clear();
            self.send_frame_callbacks(false);
            return;
        }
        if !self.pacer.begin() {
            return;
        }
        self.popups.cleanup();
        self.refresh_pointer();
        let scene = self.scene();
        match self.backend.draw(&scene) {
            Ok((submitted, states)) => {
                self.collect(&states);
                match submitted {
                    Submitted::Flip => self.pacer.submitted(),
                    Submitted::Shown | Submitted::Unchanged => self.shown(self.now(), Kind::empty()),
                }
            }
            Err(error) => {
                tracing::warn!("cannot show a frame, retrying: {error}");
                self.frame.refused = true;
                self.pacer.postpone();
                self.after(RETRY, |state| {
                    state.pacer.reset();
                    state.want_frame();
                });
            }
        }
    }

    /// The frame is on the screen since `time`.
    pub fn shown(&mut self, time: Duration, how: Kind) {
        self.frame.sequence += 1;
        self.frame.refused = false;
        let refresh = Refresh::fixed(self.pacer.interval());
        if let Some(mut feedback) = self.frame.feedback.take() {
            feedback.presented(Time::<Monotonic>::from(time), refresh, self.frame.sequence, how);
        }
        for surface in std::mem::take(&mut self.frame.fresh) {
            self.tell_presented(&surface, time);
            self.tell_ready(&surface);
        }
        if !std::mem::replace(&mut self.frame.presented, true) {
            self.first_frame();
        }
        match self.pacer.shown(self.now()) {
            Completion::Now => self.complete(),
            Completion::After(pause) => self.after(pause, Weft::complete),
        }
    }

    /// Whether anything was presented since the start.
    pub fn has_presented(&self) -> bool {
        self.frame.presented
    }

    /// Whether what is drawn comes onto the display.
    pub fn is_presenting(&self) -> bool {
        self.backend.is_active() && self.frame.presented && !self.frame.refused
    }

    /// The frame is done: clients may draw the next one.
    fn complete(&mut self) {
        self.pacer.complete(self.now());
        self.send_frame_callbacks(false);
    }

    fn after(&mut self, pause: Duration, then: fn(&mut Weft)) {
        let timer = self.events.insert_source(Timer::from_duration(pause), move |_, _, state: &mut Weft| {
            then(state);
            TimeoutAction::Drop
        });
        if let Err(error) = timer {
            tracing::error!("cannot start a timer: {error}");
            then(self);
        }
    }

    /// Notes who is in the frame that was just drawn.
    fn collect(&mut self, states: &RenderElementStates) {
        let mut feedback =
            self.frame.feedback.take().unwrap_or_else(|| OutputPresentationFeedback::new(&self.output));
        let mut seen = HashSet::new();
        let mut fresh = std::mem::take(&mut self.frame.fresh);
        let output = &self.output;
        for window in self.shell_windows.iter_mut().filter(|window| window.mapped) {
            let root = window.toplevel.wl_surface().clone();
            let mut shown = false;
            for tree in trees(&root) {
                with_surfaces_surface_tree(&tree, |surface, _| {
                    if states.element_was_presented(surface) {
                        seen.insert(surface.clone());
                        shown = true;
                    }
                });
                let place = |surface: &WlSurface, _: &_| {
                    states.element_was_presented(surface).then(|| output.clone())
                };
                take_presentation_feedback_surface_tree(&tree, &mut feedback, place, |_, _| Kind::empty());
            }
            if shown && std::mem::take(&mut window.fresh) {
                fresh.push(root);
            }
        }
        if let Some(cursor) = self.cursor.surface() {
            seen.insert(cursor.clone());
        }
        self.frame.seen = seen;
        self.frame.fresh = fresh;
        self.frame.feedback = Some(feedback);
    }

    /// Tells clients to draw anew: those that are seen at every frame, the others once in a while.
    fn send_frame_callbacks(&mut self, hidden_too: bool) {
        let now = self.now();
        let mut waiting = false;
        let cursor = self.cursor.surface().cloned();
        let roots = self.shell_windows.iter().map(|window| window.toplevel.wl_surface().clone());
        for root in roots.chain(cursor) {
            for tree in trees(&root) {
                let seen = &self.frame.seen;
                let place = |surface: &WlSurface, _: &_| {
                    (hidden_too || seen.contains(surface)).then(|| self.output.clone())
                };
                send_frames_surface_tree(&tree, &self.output, now, None, place);
                with_surfaces_surface_tree(&tree, |_, states| waiting |= has_callbacks(states));
            }
        }
        if waiting && self.frame.hidden_timer.is_none() {
            let timer = Timer::from_duration(HIDDEN_INTERVAL);
            let fired = |_, _: &mut (), state: &mut Weft| {
                state.frame.hidden_timer = None;
                state.send_frame_callbacks(true);
                TimeoutAction::Drop
            };
            self.frame.hidden_timer = self.events.insert_source(timer, fired).ok();
        }
    }

    /// Tells appd once a session's window is on the screen.
    fn tell_ready(&mut self, surface: &WlSurface) {
        let Some(window) =
            self.shell_windows.iter_mut().find(|window| window.toplevel.wl_surface() == surface)
        else {
            return;
        };
        if std::mem::replace(&mut window.seen, true) {
            return;
        }
        let id = window.id;
        let Some(client) = surface.client() else {
            return;
        };
        let session = crate::clients::info(&client)
            .and_then(|info| self.sessions.of_pid(info.pid))
            .map(|bound| bound.session);
        if let Some(session_id) = session.filter(|_| self.windows.role(id) == Some(crate::windows::Role::App))
        {
            self.tell_appd(&FromCompositor::SurfaceReady { session_id });
        }
    }
}

/// The window's surface and its popups'.
fn trees(root: &WlSurface) -> Vec<WlSurface> {
    let popups = PopupManager::popups_for_surface(root).map(|(popup, _)| popup.wl_surface().clone());
    std::iter::once(root.clone()).chain(popups).collect()
}

fn has_callbacks(states: &SurfaceData) -> bool {
    !states.cached_state.get::<SurfaceAttributes>().current().frame_callbacks.is_empty()
}
