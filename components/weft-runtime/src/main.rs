use clap::Parser;
use std::process::ExitCode;
use weft_runtime::args::{Args, Command};
use weft_runtime::{Exit, session};

fn main() -> ExitCode {
    weft_service::init_logging();
    let args = Args::parse();
    let outcome = match args.command {
        #[cfg(feature = "compiler")]
        Some(Command::Compile(args)) => weft_runtime::compile::compile(&args).map_err(anyhow::Error::from),
        None => args.session.map_or(Ok(Exit::Usage), |args| session::run(&args).map_err(anyhow::Error::from)),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            tracing::error!("{error:#}");
            error.downcast_ref::<session::Error>().map_or(Exit::Host, session::Error::exit).into()
        }
    }
}
