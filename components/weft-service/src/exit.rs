use std::fmt::Display;
use std::process::ExitCode;

/// How a program ends: an error is its last line in the log, with its causes where the type shows them in `{:#}`.
pub fn exit_code(outcome: Result<(), impl Display>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
