//! The supervisor of app sessions: starts the processes of each app, carries messages between its page and its component, and sees to it
//! that a session ends whole.

mod cgroup;
mod chain;
mod children;
mod clients;
mod compositor;
mod config;
mod launch;
mod output;
mod peer;
mod relay;
mod saved;
mod serve;
mod sessions;
mod supervisor;
mod sys;

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
    runtime.block_on(serve::serve(passed))?;
    Ok(())
}
