//! The supervisor of app sessions. See the library.

use std::os::unix::net::UnixListener;
use std::process::ExitCode;

fn main() -> ExitCode {
    weft_service::init_logging();
    weft_service::exit_code(run())
}

fn run() -> anyhow::Result<()> {
    // Taken before anything else opens or closes descriptors.
    let passed = weft_service::listen_fd("appd").map(UnixListener::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(weft_appd::serve(passed))?;
    Ok(())
}
