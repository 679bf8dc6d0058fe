//! Logging to standard error, which PID 1 keeps on the state partition.

use tracing_subscriber::EnvFilter;

/// Writes log lines of this process to standard error, filtered by `WEFT_LOG` (`tracing`'s `EnvFilter` syntax; `info` without it).
/// There is no time in a line: PID 1 stamps each one it keeps.
pub fn init_logging() {
    let filter = EnvFilter::try_from_env("WEFT_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).without_time().init();
}
