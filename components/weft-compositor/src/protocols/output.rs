//! `wl_output`.

use crate::state::Weft;
use smithay::wayland::output::OutputHandler;

smithay::delegate_output!(Weft);

impl OutputHandler for Weft {}
