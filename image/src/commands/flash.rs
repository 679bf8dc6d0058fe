//! `cargo weft flash`: an image onto a disk or into a file.

use super::Error;
use crate::cli::FlashArgs;
use crate::flash::{self, Layout, Target};
use crate::pipeline::{self, Request};
use crate::workspace::Workspace;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

pub fn run(arguments: &FlashArgs) -> Result<ExitCode, Error> {
    // A target that is refused for itself is refused before anything is built.
    match (&arguments.device, &arguments.output) {
        (Some(device), _) => drop(flash::inspect(device, 0, arguments.force)?),
        (None, Some(output)) if output.exists() && !arguments.force => {
            return Err(flash::Error::Exists(output.clone()).into());
        }
        (None, Some(output)) if !has_folder(output) => {
            return Err(format!("the folder of {} is not there: make it first", output.display()).into());
        }
        _ => {}
    }
    let workspace = Workspace::find()?;
    let request = Request::new(&arguments.profile.profile);
    let image = pipeline::build(&workspace, &request)?;
    if let Some(device) = &arguments.device {
        let target = flash::inspect(device, image.disk_bytes, arguments.force)?;
        if !arguments.yes && !confirmed(&target)? {
            eprintln!("nothing was written");
            return Ok(ExitCode::FAILURE);
        }
        write_device(&image.image, &target)?;
        println!("{} holds {} and can be removed", target.path.display(), image.profile);
    }
    if let Some(output) = &arguments.output {
        flash::to_file(&image.image, output, arguments.force)?;
        println!("{}", output.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a file of that name can be made.
fn has_folder(file: &Path) -> bool {
    file.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}

fn confirmed(target: &Target) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Err("nobody can answer here whether the disk may be overwritten: add --yes".into());
    }
    let gigabytes = target.size as f64 / 1e9;
    eprint!(
        "Everything on {} ({}, {gigabytes:.1} GB) will be lost. Write `yes` to go on: ",
        target.path.display(),
        target.model
    );
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

fn write_device(image: &Path, target: &Target) -> Result<(), Error> {
    let mut layout = Layout::new(image, target.size)?;
    let terminal = std::io::stderr().is_terminal();
    let mut last = (String::new(), 0);
    flash::to_device(&mut layout, &target.path, |step, share| {
        let percent = (share * 100.0) as u32;
        let now = (step.to_owned(), if terminal { percent } else { percent / 25 });
        if now != last {
            eprint!(
                "{}{step} {percent} %{}",
                if terminal { "\r" } else { "" },
                if terminal { "   " } else { "\n" }
            );
            last = now;
        }
    })?;
    if terminal {
        eprintln!();
    }
    Ok(())
}
