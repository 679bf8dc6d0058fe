//! `cargo weft release`: what it says of a release goes to standard output.

mod make;

use super::Error;
use crate::cli::{DiffArgs, KeysCommand, NewKeysArgs, RefreshArgs, ReleaseArgs, ReleaseCommand, RotateArgs};
use crate::release::diff::{Side, difference};
use crate::release::{Keyring, Lifetimes, Repository, refresh, roots};
use crate::stages::verity::SALT;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub fn run(arguments: &ReleaseArgs) -> Result<ExitCode, Error> {
    match &arguments.command {
        None => make::run(arguments)?,
        Some(ReleaseCommand::Keys(KeysCommand::New(arguments))) => new_keys(arguments)?,
        Some(ReleaseCommand::Keys(KeysCommand::Rotate(arguments))) => rotate(arguments)?,
        Some(ReleaseCommand::Refresh(arguments)) => renew(arguments)?,
        Some(ReleaseCommand::Diff(arguments)) => diff(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn new_keys(arguments: &NewKeysArgs) -> Result<(), Error> {
    let root = roots::create(&arguments.folder, &arguments.roles, arguments.days, Timestamp::now())?;
    println!("{}", root.display());
    Ok(())
}

fn rotate(arguments: &RotateArgs) -> Result<(), Error> {
    let folders: Vec<PathBuf> = std::iter::once(&arguments.folder).chain(&arguments.keys).cloned().collect();
    let ring = Keyring::read(&folders)?;
    let role = arguments.role.as_ref();
    let root = roots::rotate(&arguments.folder, &ring, role, arguments.days, Timestamp::now())?;
    println!("{}", root.display());
    eprintln!("publish it with `cargo weft release refresh`");
    Ok(())
}

fn renew(arguments: &RefreshArgs) -> Result<(), Error> {
    let ring = Keyring::read(&arguments.keys)?;
    Ok(refresh(&Repository::open_existing(&arguments.out)?, &ring, Lifetimes::default(), Timestamp::now())?)
}

fn diff(arguments: &DiffArgs) -> Result<(), Error> {
    let repository = arguments.repository.as_deref().map(Repository::open_existing).transpose()?;
    let side = |name: &str| match &repository {
        Some(repository) if !Path::new(name).is_file() => Side::of_release(repository, name),
        _ => Side::of_file(Path::new(name), &SALT),
    };
    let difference = difference(&side(&arguments.old)?, &side(&arguments.new)?);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&difference)?);
    } else {
        println!("{difference}");
    }
    Ok(())
}
