//! `wp_viewporter`: cropping and scaling of surfaces.

smithay::delegate_viewporter!(crate::state::Weft);
