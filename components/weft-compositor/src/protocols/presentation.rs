//! `wp_presentation` on `CLOCK_MONOTONIC`.

smithay::delegate_presentation!(crate::state::Weft);
