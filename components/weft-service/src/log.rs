//! Logging to standard error, which PID 1 keeps on the state partition.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Writes log lines of this process to standard error, filtered by `WEFT_LOG`: a level, and `target=level` for parts of the program,
/// separated by commas (`info,weft_appd=debug`); `info` without it. There is no time in a line: PID 1 stamps each one it keeps.
pub fn init_logging() {
    let filter = std::env::var("WEFT_LOG").ok().and_then(|text| text.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).without_time();
    tracing_subscriber::registry().with(filter).with(lines).init();
}
