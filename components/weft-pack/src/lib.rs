//! The command line of `weft-pack`; everything it does is in `weft-package`.

mod cli;
mod commands;
mod exit;
mod report;
mod template;

pub use cli::Cli;
pub use exit::Exit;

use report::Answer;

/// Runs a command and says what came of it: in words, or with `--json` as one object on standard output.
pub fn run(cli: &Cli) -> Exit {
    let outcome = commands::run(&cli.command);
    match outcome {
        Ok(answer) => {
            report::print(&answer, cli.json);
            answer.exit
        }
        Err(error) => {
            let exit = Exit::of(&error);
            report::print_error(&error, exit, cli.json);
            exit
        }
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] weft_package::store::Error),
    #[error(transparent)]
    Check(#[from] weft_package::check::Error),
    #[error(transparent)]
    Archive(#[from] weft_package::archive::Error),
    #[error(transparent)]
    Image(#[from] weft_package::image::Error),
    #[error(transparent)]
    Signature(#[from] weft_package::signature::Error),
    #[error(transparent)]
    Key(#[from] weft_package::key::Error),
    #[error(transparent)]
    Contents(#[from] weft_package::InventoryError),
    #[error(transparent)]
    Places(#[from] weft_package::places::Error),
    #[error(transparent)]
    Audit(#[from] weft_package::audit::Error),
    #[error(transparent)]
    Template(#[from] template::Error),
    #[error("cannot use the temporary folder: set TMPDIR to a folder that can be written to")]
    Scratch(#[source] std::io::Error),
    #[error("cannot create {}", path.display())]
    Create { path: std::path::PathBuf, source: std::io::Error },
}

pub(crate) type Result = std::result::Result<Answer, Error>;
