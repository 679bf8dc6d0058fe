//! The supervisor of app sessions. See the library.

use std::os::unix::net::UnixListener;
use std::process::ExitCode;

fn main() -> ExitCode {
    weft_service::init_logging();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    // Taken before anything else opens or closes descriptors.
    let passed = weft_service::listen_fd("appd").map(UnixListener::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(weft_appd::serve(passed))?;
    Ok(())
}
