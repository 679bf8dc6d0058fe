//! The shells of a build without the engine.

use crate::exit::Exit;
use crate::options::Options;

/// Says that there is no engine.
pub fn run(_options: Options) -> Exit {
    tracing::error!(
        "this build has no web engine and shows nothing; build weft-web with --features servo-embed (cargo weft build does)"
    );
    Exit::NoEngine
}
