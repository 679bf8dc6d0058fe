//! `cargo weft bench`: the promised figures, measured.

use super::Error;
use crate::bench::{self, Bench, Figure, MeasuredUpdates, UpdateParts};
use crate::cli::{BenchArgs, BenchKind};
use crate::image_info::ImageInfo;
use crate::pipeline::{self, Request};
use crate::vm::work::Work;
use crate::vm::{Accelerator, Pace, Qemu, parse_memory};
use crate::workspace::Workspace;
use serde_json::{Value, json};
use std::process::ExitCode;

const MEMORY: &str = "512M";
/// Whose apps are measured.
const PROFILE: &str = "kiosk";

pub fn run(arguments: &BenchArgs) -> Result<ExitCode, Error> {
    let workspace = Workspace::find()?;
    let wanted = |kind| arguments.kind.is_none_or(|only| only == kind);
    let (mut host, mut figures, mut updates) = (json!({}), Vec::new(), None);
    if [BenchKind::Boot, BenchKind::Image, BenchKind::Memory].into_iter().any(wanted) {
        (host, figures) = images(arguments, &workspace)?;
    }
    if wanted(BenchKind::Apps) {
        figures.extend(bench::apps(&pipeline::build_native(&workspace, PROFILE)?)?);
    }
    if wanted(BenchKind::Update) {
        let measured = update(&workspace)?;
        figures.extend(measured.figures);
        updates = Some(measured.updates);
    }
    if arguments.json {
        host["processors"] = std::thread::available_parallelism()?.get().into();
        println!("{:#}", json!({ "host": host, "figures": figures, "updates": updates }));
    } else {
        figures.iter().for_each(print);
    }
    Ok(ExitCode::SUCCESS)
}

fn update(workspace: &Workspace) -> Result<MeasuredUpdates, Error> {
    let built = pipeline::build_with_root(workspace, &Request::new(PROFILE))?;
    let program = pipeline::build_program(workspace, PROFILE, "weft-update")?;
    let parts = UpdateParts { built, program, cache: workspace.cache().to_owned() };
    let work = Work::create(workspace.root(), "bench-update")?;
    Ok(bench::update(&parts, work.folder())?)
}

/// The figures of images, most of them in a virtual machine, and what that machine is.
fn images(arguments: &BenchArgs, workspace: &Workspace) -> Result<(Value, Vec<Figure>), Error> {
    let qemu = Qemu::find()?;
    let accelerator = Accelerator::choose(arguments.machine.accel)?;
    let memory_mib = parse_memory(arguments.machine.memory.as_deref().unwrap_or(MEMORY))?;
    let build = |profile: &str| -> Result<ImageInfo, Error> {
        Ok(pipeline::build(workspace, &Request::new(profile))?)
    };
    let kiosk = build("kiosk")?;
    let core = build("core")?;
    let work = Work::create(workspace.root(), "bench")?;
    let mut bench = Bench { qemu, accelerator, pace: Pace::measure(), memory_mib, work };

    let wanted = |kind| arguments.kind.is_none_or(|only| only == kind);
    let measured = (|| -> bench::Result<Vec<Figure>> {
        let mut figures = Vec::new();
        if wanted(BenchKind::Boot) {
            figures.extend(bench::boot(&bench, &kiosk)?);
        }
        if wanted(BenchKind::Image) {
            figures.extend(bench::size(&kiosk, &core));
        }
        if wanted(BenchKind::Memory) {
            figures.extend(bench::memory(&bench, &kiosk, &core)?);
        }
        Ok(figures)
    })();
    let figures = match measured {
        Ok(figures) => figures,
        Err(error) => {
            let folder = bench.work.keep().display().to_string();
            return Err(format!("{error}\n(the console is kept in {folder})").into());
        }
    };
    let host = json!({
        "accelerator": format!("{:?}", bench.accelerator).to_lowercase(),
        "qemu": format!("{}.{}", bench.qemu.version.0, bench.qemu.version.1),
        "memory_mib": memory_mib,
        "slower_than_reference": bench.pace.factor(),
    });
    Ok((host, figures))
}

fn print(figure: &Figure) {
    let Figure { name, value, unit, bound, limit, command, note } = figure;
    let verdict = if figure.kept() { "" } else { "  MISSED" };
    println!("{name:44} {value:8.2} {unit:4} ({bound} {limit}){verdict}  {note}; `{command}`");
}
