use clap::Parser;
use std::process::ExitCode;
use weft_runtime::args::Args;
use weft_runtime::{Ending, Exit, session};

fn main() -> ExitCode {
    weft_service::init_logging();
    let args = Args::parse();
    let outcome = match (args.command, args.session) {
        (Some(command), _) => command.run(),
        (None, Some(session)) => session::run(&session),
        (None, None) => Ok(Ending::Exit(Exit::Usage)),
    };
    match outcome {
        Ok(ending) => ending.into(),
        Err(error) => {
            let exit = error.exit();
            tracing::error!("{:#}", anyhow::Error::from(error));
            exit.into()
        }
    }
}
