//! `zwp_pointer_gestures_v1`: swipe, pinch and hold of a touchpad.

smithay::delegate_pointer_gestures!(crate::state::Weft);
