//! One file a group of commands.

mod audit;
mod install;
mod make;
mod package;

use crate::cli::Command;
use weft_package::Places;

pub fn run(command: &Command) -> crate::Result {
    match command {
        Command::New(arguments) => make::new(arguments),
        Command::GenerateKey { folder } => make::generate_key(folder),
        Command::Sign { package, key } => make::sign(package, key),
        Command::Bundle { package, out } => make::bundle(package, out.as_deref()),
        Command::Unbundle { archive, out } => make::unbundle(archive, out.as_deref()),
        Command::BuildImage { package, out, key } => make::image(package, out.as_deref(), key.as_deref()),
        Command::Check { package } => package::check(package),
        Command::Info { package } => package::info(package),
        Command::Verify { package, key } => package::verify(package, key.as_deref()),
        Command::Install(arguments) => install::install(&Places::from_env()?, arguments),
        Command::Uninstall { id, purge } => install::uninstall(&Places::from_env()?, id, *purge),
        Command::List => install::list(&Places::from_env()?),
        Command::Approve { id, capabilities } => install::approve(&Places::from_env()?, id, capabilities),
        Command::Rollback { id } => install::rollback(&Places::from_env()?, id),
        Command::Audit(arguments) => audit::audit(arguments),
    }
}
