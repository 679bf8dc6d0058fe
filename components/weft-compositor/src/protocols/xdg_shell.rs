//! `xdg_wm_base`: windows and popups.

use crate::clients;
use crate::state::Weft;
use smithay::desktop::{PopupKind, find_popup_root_surface, get_popup_toplevel_coords};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_toplevel;
use smithay::reexports::wayland_server::Resource;
use smithay::reexports::wayland_server::protocol::{wl_output::WlOutput, wl_seat::WlSeat};
use smithay::utils::{Rectangle, Serial};
use smithay::wayland::shell::xdg::{
    PopupSurface, PositionerState, ToplevelSurface, XdgShellHandler, XdgShellState,
};

smithay::delegate_xdg_shell!(Weft);

impl XdgShellHandler for Weft {
    fn xdg_shell_state(&mut self) -> &mut XdgShellState {
        &mut self.protocols.xdg_shell
    }

    fn new_toplevel(&mut self, toplevel: ToplevelSurface) {
        let Some(client) = toplevel.wl_surface().client() else {
            return;
        };
        let Some(info) = clients::info(&client) else {
            return;
        };
        if let Err(excess) = info.take_window() {
            clients::cut_off(toplevel.xdg_toplevel(), &excess);
            return;
        }
        toplevel.with_pending_state(|state| {
            state.states.set(xdg_toplevel::State::Maximized);
        });
        self.new_window(toplevel, info);
    }

    fn toplevel_destroyed(&mut self, toplevel: ToplevelSurface) {
        if let Some(client) = toplevel.wl_surface().client()
            && let Some(info) = clients::info(&client)
        {
            info.windows.release();
        }
        self.window_destroyed(&toplevel);
    }

    fn new_popup(&mut self, popup: PopupSurface, positioner: PositionerState) {
        self.place_popup(&popup, positioner);
        if let Err(error) = self.popups.track_popup(PopupKind::Xdg(popup)) {
            tracing::debug!("a popup without a parent, ignoring: {error}");
        }
    }

    fn reposition_request(&mut self, popup: PopupSurface, positioner: PositionerState, token: u32) {
        self.place_popup(&popup, positioner);
        popup.send_repositioned(token);
    }

    /// Popups end with a press outside of them, whether they grabbed or not.
    fn grab(&mut self, _popup: PopupSurface, _seat: WlSeat, _serial: Serial) {}

    // Every window has one place: requests for another are answered with it, as the protocol demands.
    fn maximize_request(&mut self, toplevel: ToplevelSurface) {
        answer(&toplevel);
    }

    fn unmaximize_request(&mut self, toplevel: ToplevelSurface) {
        answer(&toplevel);
    }

    fn fullscreen_request(&mut self, toplevel: ToplevelSurface, _output: Option<WlOutput>) {
        answer(&toplevel);
    }

    fn unfullscreen_request(&mut self, toplevel: ToplevelSurface) {
        answer(&toplevel);
    }
}

fn answer(toplevel: &ToplevelSurface) {
    if toplevel.is_initial_configure_sent() {
        toplevel.send_configure();
    }
}

impl Weft {
    /// Keeps the popup within its window's place.
    fn place_popup(&mut self, popup: &PopupSurface, positioner: PositionerState) {
        let kind = PopupKind::Xdg(popup.clone());
        let place = find_popup_root_surface(&kind).ok().and_then(|root| self.place_of(&root));
        let geometry = match place {
            Some(place) => {
                let mut target = Rectangle::new((0, 0).into(), (place.width, place.height).into());
                target.loc -= get_popup_toplevel_coords(&kind);
                positioner.get_unconstrained_geometry(target)
            }
            None => positioner.get_geometry(),
        };
        popup.with_pending_state(|state| {
            state.geometry = geometry;
            state.positioner = positioner;
        });
    }
}
