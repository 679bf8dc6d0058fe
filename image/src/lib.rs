//! The build pipeline, as a library.
