//! Which windows there are, where they are, how they are stacked and who has the keyboard: plain data, no I/O.
//!
//! The stack from bottom to top is: panels, apps, overlays (raised panels). An app is as large as the work area. Rules of focus:
//! the first window of a session is raised and focused, a later one goes below the session's other windows, or below all apps where
//! there is none, and takes nothing;
//! when the focused window goes, the topmost app has the focus, then the panel; while there is an overlay, it has the focus.

mod geometry;
#[cfg(test)]
mod tests;

pub use geometry::{Edge, Extent, Rect, TASK_BAR_HEIGHT, Zones};

use std::collections::{BTreeMap, BTreeSet};

/// A window's number, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowId(pub u64);

/// What a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The system UI at the bottom.
    Panel,
    /// The system UI raised above every app.
    Overlay,
    /// A window of an app.
    App,
}

/// Whose window it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A session that appd announced.
    Session(u64),
    /// A Wayland client that belongs to no session.
    Client(u64),
}

#[derive(Debug, Clone)]
struct Window {
    role: Role,
    owner: Owner,
    zones: Option<Zones>,
}

/// All windows of the output.
#[derive(Debug)]
pub struct Windows {
    output: Extent,
    windows: BTreeMap<WindowId, Window>,
    /// The mapped windows, bottom first.
    stack: Vec<WindowId>,
    focus: Option<WindowId>,
    /// Owners whose first window was already shown.
    introduced: BTreeSet<Owner>,
    next: u64,
}

impl Windows {
    pub fn new(output: Extent) -> Self {
        Self {
            output,
            windows: BTreeMap::new(),
            stack: Vec::new(),
            focus: None,
            introduced: BTreeSet::new(),
            next: 1,
        }
    }

    /// The output has another size.
    pub fn set_output(&mut self, output: Extent) {
        self.output = output;
    }

    pub fn output(&self) -> Extent {
        self.output
    }

    /// Adds a window that is not shown yet.
    pub fn add(&mut self, owner: Owner) -> WindowId {
        let id = WindowId(self.next);
        self.next += 1;
        self.windows.insert(id, Window { role: Role::App, owner, zones: None });
        id
    }

    /// Shows a window: it has content now. Does nothing for one that is shown.
    pub fn map(&mut self, id: WindowId) {
        let Some(window) = self.windows.get(&id) else {
            return;
        };
        if self.stack.contains(&id) {
            return;
        }
        let (role, owner) = (window.role, window.owner);
        let sibling = self.stack.iter().position(|other| {
            self.windows.get(other).is_some_and(|other| other.owner == owner && other.role == Role::App)
        });
        let first = self.introduced.insert(owner);
        match sibling {
            Some(lowest) if role == Role::App && !first => self.stack.insert(lowest, id),
            None if role == Role::App && !first => self.insert_below_apps(id),
            _ => self.raise(id),
        }
        if self.focus.is_none() || role == Role::Overlay || (role == Role::App && first) {
            self.focus(id);
        }
    }

    /// Hides a window that has no content any more.
    pub fn unmap(&mut self, id: WindowId) {
        self.stack.retain(|other| *other != id);
        self.settle_focus();
    }

    /// Forgets a window.
    pub fn remove(&mut self, id: WindowId) {
        self.windows.remove(&id);
        self.unmap(id);
    }

    /// Changes what a window is: raises a panel above the apps, or puts it back.
    pub fn set_role(&mut self, id: WindowId, role: Role) {
        let Some(window) = self.windows.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut window.role, role) == role {
            return;
        }
        if role == Role::App {
            window.zones = None;
        }
        if !self.stack.contains(&id) {
            return;
        }
        self.raise(id);
        match role {
            Role::Overlay => self.focus = Some(id),
            Role::Panel | Role::App => {
                self.focus = self.focus.filter(|focused| *focused != id);
                self.settle_focus();
            }
        }
    }

    pub fn role(&self, id: WindowId) -> Option<Role> {
        self.windows.get(&id).map(|window| window.role)
    }

    /// The window's own wish how far apps keep off the edges; counts while the window is a panel.
    pub fn set_zone(&mut self, id: WindowId, edge: Edge, size: i32) {
        if let Some(window) = self.windows.get_mut(&id) {
            window.zones.get_or_insert_default().set(edge, size);
        }
    }

    /// Gives every window of one owner to another: a client turned out to be a session's shell.
    pub fn adopt(&mut self, from: Owner, to: Owner) {
        for window in self.windows.values_mut().filter(|window| window.owner == from) {
            window.owner = to;
        }
        if self.introduced.remove(&from) {
            self.introduced.insert(to);
        }
    }

    /// The owner is gone or begins anew: its next window is a first one again.
    pub fn forget_owner(&mut self, owner: Owner) {
        self.introduced.remove(&owner);
    }

    /// Gives a shown window the keyboard, and raises it above its like unless it is a panel. An overlay keeps the keyboard.
    pub fn focus(&mut self, id: WindowId) {
        if !self.stack.contains(&id) {
            return;
        }
        if self.role(id) != Some(Role::Panel) {
            self.raise(id);
        }
        self.focus = Some(id);
        self.settle_focus();
    }

    /// Brings the session's topmost window to the front and gives it the keyboard; `false` when it has none that is shown.
    pub fn activate(&mut self, session: u64) -> bool {
        let owner = Owner::Session(session);
        let topmost = self.stack.iter().rev().find(|id| self.owner(**id) == Some(owner)).copied();
        if let Some(id) = topmost {
            self.focus(id);
        }
        topmost.is_some()
    }

    pub fn owner(&self, id: WindowId) -> Option<Owner> {
        self.windows.get(&id).map(|window| window.owner)
    }

    /// The window that has the keyboard.
    pub fn focused(&self) -> Option<WindowId> {
        self.focus
    }

    /// The shown windows, topmost first.
    pub fn front_to_back(&self) -> impl Iterator<Item = WindowId> {
        self.stack.iter().rev().copied()
    }

    /// Every window, shown or not.
    pub fn all(&self) -> impl Iterator<Item = WindowId> {
        self.windows.keys().copied()
    }

    /// Where apps may be.
    pub fn work_area(&self) -> Rect {
        let panels = self.windows.values().filter(|window| window.role != Role::App);
        let wished = panels.filter_map(|panel| panel.zones).reduce(|a, b| Zones {
            top: a.top.max(b.top),
            bottom: a.bottom.max(b.bottom),
            left: a.left.max(b.left),
            right: a.right.max(b.right),
        });
        wished.unwrap_or(Zones::TASK_BAR).work_area(self.output)
    }

    /// The window's place.
    pub fn place(&self, id: WindowId) -> Option<Rect> {
        Some(match self.role(id)? {
            Role::Panel | Role::Overlay => self.output.rect(),
            Role::App => self.work_area(),
        })
    }

    /// Puts a window on top of those of its layer, and so into its layer.
    fn raise(&mut self, id: WindowId) {
        self.stack.retain(|other| *other != id);
        let layer = self.layer(id);
        let above =
            self.stack.iter().position(|other| self.layer(*other) > layer).unwrap_or(self.stack.len());
        self.stack.insert(above, id);
    }

    /// Below all apps: a window that comes back must not cover what somebody looks at.
    fn insert_below_apps(&mut self, id: WindowId) {
        let lowest = self.stack.iter().position(|other| self.layer(*other) >= 1);
        self.stack.insert(lowest.unwrap_or(self.stack.len()), id);
    }

    fn layer(&self, id: WindowId) -> u8 {
        match self.role(id) {
            Some(Role::Panel) | None => 0,
            Some(Role::App) => 1,
            Some(Role::Overlay) => 2,
        }
    }

    fn settle_focus(&mut self) {
        let top = self.stack.last().copied();
        let overlay = top.filter(|id| self.role(*id) == Some(Role::Overlay));
        let kept = self.focus.filter(|id| self.stack.contains(id));
        self.focus = overlay.or(kept).or(top);
    }

    /// Whether everything this module promises holds.
    #[cfg(test)]
    fn verify_invariants(&self) {
        let unique: BTreeSet<_> = self.stack.iter().collect();
        assert_eq!(unique.len(), self.stack.len(), "a window is in the stack twice");
        assert!(
            self.stack.iter().all(|id| self.windows.contains_key(id)),
            "the stack holds a forgotten window"
        );
        assert!(self.stack.is_sorted_by_key(|id| self.layer(*id)), "the layers are mixed");
        assert_eq!(
            self.focus.is_none(),
            self.stack.is_empty(),
            "somebody has the keyboard exactly when somebody is shown"
        );
        assert!(self.focus.is_none_or(|id| self.stack.contains(&id)), "the focused window is not shown");
        let area = self.work_area();
        assert!(area.width >= 1 && area.height >= 1, "no place is left for apps");
        assert!(self.output.rect().encloses(&area), "the work area leaves the output");
        for id in self.all() {
            let place = self.place(id).expect("every window has a place");
            match self.role(id) {
                Some(Role::App) => assert_eq!(place, area),
                _ => assert_eq!(place, self.output.rect()),
            }
        }
        let overlay = self.stack.last().filter(|id| self.role(**id) == Some(Role::Overlay));
        if let Some(overlay) = overlay {
            assert_eq!(self.focus, Some(*overlay), "an overlay is shown without the keyboard");
        }
    }
}
