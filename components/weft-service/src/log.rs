//! Logging to standard error, which PID 1 keeps on the state partition.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Writes log lines of this process to standard error, filtered by `WEFT_LOG`: a level, and `target=level` for parts of the program,
/// separated by commas (`info,weft_appd=debug`); `info` without it. There is no time in a line: PID 1 stamps each one it keeps.
pub fn init_logging() {
    init_logging_quieting(&[]);
}

/// As [`init_logging`], with only the errors of some targets, which `WEFT_LOG` can still name: for libraries that tell too much.
pub fn init_logging_quieting(targets: &[&str]) {
    let text = std::env::var("WEFT_LOG").unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).without_time();
    tracing_subscriber::registry().with(filter(&text, targets)).with(lines).init();
}

fn filter(text: &str, quiet: &[&str]) -> Targets {
    let asked: Targets = text.parse().unwrap_or_default();
    let default = asked.default_level().filter(|_| !text.is_empty()).unwrap_or(LevelFilter::INFO);
    let quiet = quiet.iter().map(|target| (*target, LevelFilter::ERROR.min(default)));
    Targets::new().with_default(default).with_targets(quiet).with_targets(asked.iter())
}

#[cfg(test)]
mod tests {
    use super::filter;
    use tracing::Level;

    #[test]
    fn the_variable_decides_and_libraries_are_quiet_unless_named() {
        for text in ["", "info"] {
            let filter = filter(text, &["webrender"]);
            assert!(
                filter.would_enable("weft_web", &Level::INFO)
                    && !filter.would_enable("weft_web", &Level::DEBUG)
            );
            assert!(
                filter.would_enable("webrender::init", &Level::ERROR)
                    && !filter.would_enable("webrender::init", &Level::WARN)
            );
        }
        let named = filter("warn,webrender=debug", &["webrender"]);
        assert!(
            named.would_enable("webrender", &Level::DEBUG) && !named.would_enable("weft_web", &Level::INFO)
        );
        assert!(!filter("off", &["webrender"]).would_enable("webrender", &Level::ERROR));
        assert!(filter("not=a=filter", &[]).would_enable("weft_web", &Level::INFO));
    }
}
