//! Wayland bindings generated from the XML in protocol/.
